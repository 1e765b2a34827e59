/** What all drawings share: the picture around them, their colours, text in them. */

/** Of lines, and of text beside them. */
export const INK = '#475569'
/** Of text that is read first. */
export const TEXT = '#0f172a'
/** Of what is cut off or has failed. */
export const ALARM = '#dc2626'

export interface Frame {
  readonly width: number
  readonly height: number
  readonly fontSize: number
  /** Of text that names no colour of its own; black if left out. */
  readonly color?: string
  /** What is drawn by reference only. */
  readonly defs?: readonly string[]
}

/** An SVG document on white, its parts from back to front, one a line. */
export function picture({ width, height, fontSize, color, defs }: Frame, parts: readonly string[]): string {
  const fill = color === undefined ? '' : ` fill="${color}"`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="${fontSize}"${fill}>`,
    ...(defs === undefined ? [] : [`<defs>${defs.join('')}</defs>`]),
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

/** Text between tags. */
export const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
