/** A continuous stirred tank reactor as a step of time, whose fixed points are its steady states. */
import { defineCell } from 'retrograd'
import { add, concat, div, exp, mul, neg, scale, shift, sub } from 'retrograd/ops'

/**
 * An exothermic first-order reaction A -> B in a jacketed tank; at 300 K of coolant a steady state lies at 350 K and 0.5 mol/L.
 *
 * @see Seborg, Edgar, Mellichamp and Doyle, Process Dynamics and Control, example 2.5
 */
export const TANK = {
  /** q / V of 100 L/min through 100 L, 1/min. */
  dilution: 1,
  /** ln k0, k0 = 7.2e10 1/min. */
  logRate: Math.log(7.2e10),
  /** E / R, K. */
  activation: 8750,
  /** -ΔH / (ρ cp) = 5e4 J/mol / (1000 g/L · 0.239 J/(g K)), K L/mol. */
  heat: 5e4 / (1000 * 0.239),
  /** UA / (V ρ cp) = 5e4 J/(min K) / (100 L · 239 J/(L K)), 1/min. */
  cooling: 5e4 / (100 * 239),
}

/** The usual operating point: mol/L, K, K. */
export const USUAL = { feed: 1, feedTemperature: 350, coolant: 300 }

/** The tank's temperature is kept in units of this, so that both states are about 1. */
export const UNIT = 350
/** Minutes per step. */
export const STEP = 1e-3

/**
 * F(z) = z + dt f(z), one step of Euler's method: for any dt > 0 its fixed points are the steady states f(z) = 0, with the same
 * sensitivities, while plain iteration is the plant's own transient. An eigenvalue λ of ∂f/∂z becomes 1 + dt λ: so ρ(J) < 1 says
 * that the steady state is stable, as long as dt < 2 |Re λ| / |λ|².
 *
 * States: concentration of A in mol/L, temperature in units of UNIT. Output [B, 2]: conversion of A, temperature in K.
 */
export const tank = defineCell({
  state: { concentration: 1, temperature: 1 },
  input: { feed: 1, feedTemperature: 1, coolant: 1 },
  params: { logRate: [1], activation: [1] },
  step: ({ concentration, temperature, feed, feedTemperature, coolant, logRate, activation }) => {
    const [c, T] = [concentration!, temperature!]
    const kelvin = scale(T, UNIT)
    const rate = mul(exp(sub(logRate!, div(activation!, kelvin))), c)
    const dc = sub(scale(sub(feed!, c), TANK.dilution), rate)
    const flows = add(scale(sub(feedTemperature!, kelvin), TANK.dilution), scale(sub(coolant!, kelvin), TANK.cooling))
    const dT = scale(add(flows, scale(rate, TANK.heat)), 1 / UNIT)
    const conversion = shift(neg(div(c, feed!)), 1)
    return {
      state: { concentration: add(c, scale(dc, STEP)), temperature: add(T, scale(dT, STEP)) },
      output: concat(conversion, kelvin),
    }
  },
})

/** Conditions of one tank. */
export type Conditions = Readonly<Record<'feed' | 'feedTemperature' | 'coolant', number>>

/** The rate constant in 1/min. */
export const rateAt = (T: number): number => Math.exp(TANK.logRate - TANK.activation / T)

/** At a steady state the temperature T determines the concentration, and then the coolant: the S-curve, in closed form. */
export function coolantAt(T: number, { feed, feedTemperature }: Conditions): number {
  const { dilution, heat, cooling } = TANK
  const c = (dilution * feed) / (dilution + rateAt(T))
  return T - (dilution * (feedTemperature - T) + heat * rateAt(T) * c) / cooling
}

/** Is the greatest real part of the eigenvalues of ∂f/∂z negative? By trace and determinant, written out by hand. */
export function isStable(T: number, c: number): boolean {
  const { dilution, activation, heat, cooling } = TANK
  const k = rateAt(T)
  const slope = (k * c * activation) / T ** 2 // of the rate, by T
  const matrix = [
    [-dilution - k, -slope],
    [heat * k, -dilution - cooling + heat * slope],
  ] as const
  const trace = matrix[0][0] + matrix[1][1]
  const determinant = matrix[0][0] * matrix[1][1] - matrix[0][1] * matrix[1][0]
  return trace < 0 && determinant > 0
}
