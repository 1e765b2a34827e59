import { add, div, mean, mul, shift, sqrt, square, sub } from '../program/ops/index.ts'
import { type Cell, defineCell } from '../program/trace.ts'

/** A step without state: (x - mean) / √(variance + eps) · weight + bias, over the columns of each row. */
export function layerNormCell({ eps, affine }: { eps: number; affine: boolean }): Cell {
  return defineCell({
    state: {},
    input: { x: 'N' },
    params: affine ? { weight: ['N'], bias: ['N'] } : {},
    step: ({ x, weight, bias }) => {
      const centred = sub(x!, mean(x!))
      const normal = div(centred, sqrt(shift(mean(square(centred)), eps)))
      return { state: {}, output: affine ? add(mul(normal, weight!), bias!) : normal }
    },
  })
}
