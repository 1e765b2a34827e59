import { add, concat, cos, exp, expm1, linear, mul, neg, scale, sin, slice, sqrt, sub } from '../program/ops/index.ts'
import type { Value } from '../program/operation.ts'
import { type Cell, type Size, defineCell } from '../program/trace.ts'
import { expectOptions } from '../runtime/check.ts'

export interface DiagonalRnnOptions {
  /** Columns of the output: a number, or a name to be given in `sizes`; 'H' if left out. */
  outputSize?: Size
}

/** ln(-ln r) for the radii 0.999 and 0.9: memories of about 10 to 1,000 steps, as many short as long ones. */
const INITIAL_NU = [-6.907255, -2.250367] as const
/** ln of the phases π / 100 and π: periods of 200 down to 2 steps. */
const INITIAL_THETA = [-3.46044, 1.14473] as const

/**
 * A linear recurrence with a complex diagonal (linear recurrent unit), in real numbers: h' = λ ⊙ h + γ ⊙ (B x), output
 * Re(C h') + D x, where λ = exp(-exp(ν) + i exp(θ)) and γ = √(1 - |λ|²). |λ| < 1 whatever ν is (in float32 it rounds to 1
 * below ν = -16). States `re` and `im`, [B, H] each. B is `weightIh`, its rows in blocks re, im; C is `weightHo`, its
 * columns in blocks re, im; D is `weightIo`. Only the recurrence runs step by step.
 *
 * @see Orvieto et al. 2023, https://arxiv.org/abs/2303.06349; there γ is a parameter that starts at this value, and λ starts
 *   uniform on a ring rather than in ν and θ
 */
export function diagonalRnnCell(options: DiagonalRnnOptions = {}): Cell {
  expectOptions('diagonalRnnCell', options, ['outputSize'])
  const { outputSize: O = 'H' } = options
  return defineCell({
    state: { re: 'H', im: 'H' },
    input: { x: 'I' },
    params: { nu: ['H'], theta: ['H'], weightIh: ['2H', 'I'], weightHo: [O, '2H'], weightIo: [O, 'I'] },
    initial: { nu: INITIAL_NU, theta: INITIAL_THETA },
    step: ({ x, re, im, nu, theta, weightIh, weightHo, weightIo }) => {
      const H = re!.columns
      const { real, imaginary, gamma } = eigenvalues(nu!, theta!)
      const drive = linear(x!, weightIh!)
      const nextRe = add(sub(mul(real, re!), mul(imaginary, im!)), mul(gamma, slice(drive, 0, H)))
      const nextIm = add(add(mul(imaginary, re!), mul(real, im!)), mul(gamma, slice(drive, H, 2 * H)))
      const output = linear(concat(nextRe, neg(nextIm)), weightHo!, linear(x!, weightIo!))
      return { state: { re: nextRe, im: nextIm }, output }
    },
  })
}

/** λ, and the γ that keeps a state's variance at that of its drive; 1 - |λ|² without cancellation. */
function eigenvalues(nu: Value, theta: Value): { real: Value; imaginary: Value; gamma: Value } {
  const [rate, phase] = [exp(nu), exp(theta)]
  const radius = exp(neg(rate))
  const gamma = sqrt(neg(expm1(scale(rate, -2))))
  return { real: mul(radius, cos(phase)), imaginary: mul(radius, sin(phase)), gamma }
}
