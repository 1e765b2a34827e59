/** Words of instructions that more than one family of operations writes. */
import { LINK } from './format.ts'
import type { Link, Node, Rows } from './operation.ts'

/** A value's rows as an instruction names them; 0: those of the steps that run. */
export const rowsWord = (rows: Rows): number => (rows === 'batch' ? 0 : rows)

/** A float64 as two words, low first. */
export function floatWords(constant: number): number[] {
  return [...new Int32Array(new Float64Array([constant]).buffer)]
}

/** A link with the node's constant. */
export const constantLink = (code: number): Link => ({
  code,
  words: ({ attributes }) => floatWords(attributes['constant']!),
})

/** A link that reads its input by row stride, column stride and offset, in elements. */
export const viewLink = (words: (node: Node) => readonly [number, number, number]): Link => ({ code: LINK.VIEW, words })
