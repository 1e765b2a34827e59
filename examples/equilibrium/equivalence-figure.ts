/** Errors by K, beside ρ^K. */
import type { Figure, Line, Panel, Point } from '../kit/lines.ts'
import { COLOURS } from '../kit/style.ts'

export type Kind = 'normal' | 'non-normal'

/** Relative errors by K. */
export interface Convergence {
  readonly rho: number
  readonly bptt: readonly Point[]
  readonly neumann: readonly Point[]
}

interface Stable {
  readonly kind: Kind
  readonly curves: readonly Convergence[]
}

interface Diverging {
  readonly kind: Kind
  readonly neumann: readonly Point[]
}

const STABLE = [COLOURS.blue, COLOURS.green, COLOURS.orange]
const DIVERGING: Readonly<Record<Kind, string>> = { normal: COLOURS.red, 'non-normal': COLOURS.purple }

const x = { title: 'K', grid: true }
const y = { title: 'relative error', type: 'log' } as const
const POWER = { name: 'ρ^K', colour: COLOURS.grey, dash: [5, 4] }

export function figureOf(stable: readonly Stable[], diverging: readonly Diverging[], unstable: number): Figure {
  return {
    title: 'The implicit gradient, and what BPTT comes to',
    subtitle: [
      'Lines: relative error of BPTT through K iterations from z = 0. Dots: of K terms of the Neumann series at z*.',
      'Both against the implicit gradient; z = tanh(W z + U u + b), n = 32, float64',
    ],
    looks: [
      ...stable[0]!.curves.map(({ rho }, i) => ({ name: nameOf(rho), colour: STABLE[i]! })),
      ...diverging.map(({ kind }) => ({ name: nameOf(unstable, kind), colour: DIVERGING[kind] })),
      POWER,
    ],
    panels: [...stable.map(stablePanel), divergingPanel(diverging, unstable)],
  }
}

const nameOf = (rho: number, kind?: Kind): string => `ρ = ${rho}${kind ? `, ${kind}` : ''}`

const stablePanel = ({ kind, curves }: Stable): Panel => ({
  title: `${kind} Jacobian`,
  x,
  y,
  lines: curves.flatMap(({ rho, bptt, neumann }): Line[] => [
    powersOf(rho, bptt),
    { name: nameOf(rho), points: bptt },
    { name: nameOf(rho), points: neumann, as: 'dots' },
  ]),
})

const divergingPanel = (diverging: readonly Diverging[], unstable: number): Panel => ({
  title: `ρ = ${unstable}: the series diverges`,
  x,
  y,
  lines: diverging.flatMap(({ kind, neumann }): Line[] => [
    powersOf(unstable, neumann),
    { name: nameOf(unstable, kind), points: neumann, as: 'dots' },
  ]),
})

const powersOf = (rho: number, points: readonly Point[]): Line => ({
  name: POWER.name,
  points: points.map(({ x: K }) => ({ x: K, y: rho ** K })),
})
