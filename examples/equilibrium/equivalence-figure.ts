/** Errors by K, beside ρ^K. */
import type { Figure, Line, Point } from './plot.ts'

export type Kind = 'normal' | 'non-normal'

/** Relative errors by K. */
export interface Convergence {
  readonly rho: number
  readonly bptt: readonly Point[]
  readonly neumann: readonly Point[]
}

const COLOURS = ['#4c6ef5', '#099268', '#e8590c']
const DIVERGING: Readonly<Record<Kind, string>> = { normal: '#c92a2a', 'non-normal': '#ae3ec9' }

export function figureOf(
  stable: readonly { kind: Kind; curves: readonly Convergence[] }[],
  diverging: readonly { kind: Kind; neumann: readonly Point[] }[],
  unstable: number,
): Figure {
  const looks = [
    ...stable[0]!.curves.map(({ rho }, i) => ({ name: `ρ = ${rho}`, colour: COLOURS[i]! })),
    ...diverging.map(({ kind }) => ({ name: `ρ = ${unstable}, ${kind}`, colour: DIVERGING[kind] })),
    { name: 'ρ^K', colour: '#868e96', dash: [5, 4] },
  ]
  const power = (rho: number, points: readonly Point[]): Line => ({
    name: 'ρ^K',
    points: points.map(({ x }) => ({ x, y: rho ** x })),
  })
  const x = { title: 'K' }
  const y = { title: 'relative error', type: 'log', format: '.0e' } as const
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
          { name: `ρ = ${rho}`, points: neumann, dots: true },
        ]),
      })),
      {
        title: `ρ = ${unstable}: the series diverges`,
        x,
        y,
        lines: diverging.flatMap(({ kind, neumann }): Line[] => [
          power(unstable, neumann),
          { name: `ρ = ${unstable}, ${kind}`, points: neumann, dots: true },
        ]),
      },
    ],
  }
}
