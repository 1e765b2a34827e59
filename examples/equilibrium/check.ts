/** What the example claims, it checks. */

/** @throws Error with the claim where it does not hold */
export function check(holds: boolean, claim: string): void {
  if (!holds) throw new Error(`this run does not bear out that ${claim}`)
}

/** Rows of text under a header, the first column to the left. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]!.length)))
  const format = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')
  return [format(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(format)].join('\n')
}
