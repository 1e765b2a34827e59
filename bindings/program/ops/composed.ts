/** What other operations are put together to. */
import { sum } from './broadcast.ts'
import { fill } from './constant.ts'
import { add, mul, scale, sub } from './elementwise.ts'
import { type Value, builder } from '../operation.ts'

/** The mean over columns: [B, 1]. */
export const mean = builder('mean', ['value'], (x: Value): Value => scale(sum(x), 1 / x.columns))

/** (1 - z) n + z h. */
export const blend = (z: Value, n: Value, h: Value): Value => add(mul(sub(fill(1, z.rows, z.columns), z), n), mul(z, h))
