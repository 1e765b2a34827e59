/**
 * What the example claims, it checks.
 *
 * @throws Error with the claim where it does not hold
 */
export function check(holds: boolean, claim: string): void {
  if (!holds) throw new Error(`this run does not bear out that ${claim}`)
}
