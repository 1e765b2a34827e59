/** Constants. */
import { constantLink } from '../encoding.ts'
import { LINK } from '../format.ts'
import { type Operation, type Rows, type Value, apply } from '../operation.ts'

const FILL: Operation = { name: 'fill', link: constantLink(LINK.FILL), isView: true, isRepeated: true }

/** The constant in every element of [rows, columns]. */
export const fill = (constant: number, rows: Rows, columns: number): Value =>
  apply(FILL, [], rows, columns, { constant })

export const zerosLike = (x: Value): Value => fill(0, x.rows, x.columns)
