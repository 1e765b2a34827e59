/** Tables as text. */

/** Rows under a header, the first column to the left, the others to the right. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]!.length)))
  const align = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)
  const format = (row: readonly string[]) => row.map(align).join('  ').trimEnd()
  return [format(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(format)].join('\n')
}

export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
