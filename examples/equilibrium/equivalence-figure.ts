/** Errors by K, beside ρ^K. */
import type { Figure, Line, Point } from '../kit/lines.ts'
import { COLOURS } from '../kit/style.ts'

export type Kind = 'normal' | 'non-normal'

/** Relative errors by K. */
export interface Convergence {
  readonly rho: number
  readonly bptt: readonly Point[]
  readonly neumann: readonly Point[]
}

const STABLE = [COLOURS.blue, COLOURS.green, COLOURS.orange]
const DIVERGING: Readonly<Record<Kind, string>> = { normal: COLOURS.red, 'non-normal': COLOURS.purple }

export function figureOf(
  stable: readonly { kind: Kind; curves: readonly Convergence[] }[],
  diverging: readonly { kind: Kind; neumann: readonly Point[] }[],
  unstable: number,
): Figure {
  const looks = [
    ...stable[0]!.curves.map(({ rho }, i) => ({ name: `ρ = ${rho}`, colour: STABLE[i]! })),
    ...diverging.map(({ kind }) => ({ name: `ρ = ${unstable}, ${kind}`, colour: DIVERGING[kind] })),
    { name: 'ρ^K', colour: COLOURS.grey, dash: [5, 4] },
  ]
  const power = (rho: number, points: readonly Point[]): Line => ({
    name: 'ρ^K',
    points: points.map(({ x }) => ({ x, y: rho ** x })),
  })
  const x = { title: 'K', grid: true }
  const y = { title: 'relative error', type: 'log' } as const
  return {
    title: 'The implicit gradient, and what BPTT comes to',
    subtitle: [
      'Lines: relative error of BPTT through K iterations from z = 0. Dots: of K terms of the Neumann series at z*.',
      'Both against the implicit gradient; z = tanh(W z + U u + b), n = 32, float64',
    ],
    looks,
    panels: [
      ...stable.map(({ kind, curves }) => ({
        title: `${kind} Jacobian`,
        x,
        y,
        lines: curves.flatMap(({ rho, bptt, neumann }): Line[] => [
          power(rho, bptt),
          { name: `ρ = ${rho}`, points: bptt },
          { name: `ρ = ${rho}`, points: neumann, as: 'dots' },
        ]),
      })),
      {
        title: `ρ = ${unstable}: the series diverges`,
        x,
        y,
        lines: diverging.flatMap(({ kind, neumann }): Line[] => [
          power(unstable, neumann),
          { name: `ρ = ${unstable}, ${kind}`, points: neumann, as: 'dots' },
        ]),
      },
    ],
  }
}
