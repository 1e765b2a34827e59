/** The greatest of some numbers, -∞ of none: `Math.max(...numbers)` needs a stack as long as the list. */
export function greatest(numbers: Iterable<number>): number {
  let most = -Infinity
  for (const number of numbers) if (number > most) most = number
  return most
}
