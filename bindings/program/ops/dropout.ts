import { fail } from '../../runtime/errors.ts'
import { floatWords } from '../encoding.ts'
import { OP } from '../format.ts'
import { type Node, type Operation, type Value, apply } from '../operation.ts'
import { linearMap } from './linear-map.ts'

/** The same elements dropped, by the same draws. */
const again = (d: Value, { attributes }: Node): Value => dropout(d, attributes['p']!, attributes['stream']!)

const DROPOUT: Operation = {
  name: 'dropout',
  isRandom: true,
  emit({ inputs, results, attributes }, out) {
    const y = results[0]!
    const p = floatWords(attributes['p']!)
    out.emit(OP.DROPOUT, out.slot(y), out.slot(inputs[0]!), y.columns, attributes['stream']!, ...p)
  },
  ...linearMap(again, again),
}

/** Keeps each element with probability 1 - p, scaled by 1 / (1 - p), in training; `stream` tells draws of one step apart. */
export function dropout(x: Value, p: number, stream = 0): Value {
  if (!(p >= 0 && p <= 1)) fail('cell', `dropout: p is ${p}; expected a number in [0, 1]`)
  return apply(DROPOUT, [x], x.rows, x.columns, { p, stream })
}
