// A stirred tank reactor's steady states by newton, which are stable, and how they answer to its feed, by the implicit gradient.
import { createRuntime, DEQ, type DEQForwardResult, type Runtime, type Tensor } from 'retrograd'
import { drawLines } from '../kit/lines.ts'
import { formatTable, percent } from '../kit/table.ts'
import { check } from './check.ts'
import { figureOf, type Output, type State, type SteadyState } from './reactor-figure.ts'
import { type Conditions, coolantAt, isStable, rateAt, STEP, TANK, tank, UNIT, USUAL } from './tank.ts'

/** Coolant temperatures in K: from the cold reactor to the burning one. */
const RANGE = { from: 290, to: 312, every: 0.1 }
/** Temperatures in K from which newton starts, each with the concentration that would be steady at it. */
const STARTS = Array.from({ length: 16 }, (_, i) => 290 + 10 * i)
/** Temperatures in K between which all steady states lie, and so fine that no two of them fall between neighbours. */
const SCAN = { from: 280, to: 450, every: 0.01 }
const TOLERANCE = 1e-14
/** Steady states closer than this are one, in K. */
const SAME = 1e-4
const OUTPUTS = ['conversion', 'temperature'] as const satisfies Output[]
const INPUTS = ['feed', 'feedTemperature', 'coolant'] as const
/** Steps of the central differences, in mol/L and K. */
const STEPS: Conditions = { feed: 1e-5, feedTemperature: 2e-3, coolant: 1e-3 }

type Input = keyof Conditions

export async function reactor(quick: boolean): Promise<string> {
  const rt = await createRuntime({ seed: 1, dtype: 'float64' })
  const deq = createReactor(rt)
  const every = quick ? 10 * RANGE.every : RANGE.every
  const count = Math.round((RANGE.to - RANGE.from) / every) + 1
  const found = findAll(
    rt,
    deq,
    Array.from({ length: count }, (_, i) => round(RANGE.from + i * every)),
  )
  const states = examine(rt, deq, found)
  checkAgainstDifferences(rt, deq, states)
  checkStability(states)
  report(states)
  rt.dispose()
  return drawLines(figureOf(states))
}

/** To a tenth, so that 300 is 300. */
const round = (x: number): number => Math.round(10 * x) / 10

function createReactor(rt: Runtime): DEQ {
  return new DEQ(rt, {
    cell: tank,
    init: { logRate: TANK.logRate, activation: TANK.activation },
    solver: { name: 'newton', tol: TOLERANCE, onFailure: 'accept' },
    adjoint: { name: 'lu', tol: 1e-9 },
  })
}

/** All tanks side by side, each from its own guess. Concentrations in mol/L, temperatures in K. */
function solve(rt: Runtime, deq: DEQ, conditions: readonly Conditions[], guesses: readonly [number, number][]) {
  const B = conditions.length
  const column = (values: number[]) => rt.tensor(values, [B, 1])
  const inputs = Object.fromEntries(INPUTS.map((name) => [name, column(conditions.map((one) => one[name]))]))
  const state = {
    concentration: column(guesses.map(([c]) => c)),
    temperature: column(guesses.map(([, T]) => T / UNIT)),
  }
  const result = deq.forward(inputs, { state })
  const dispose = () => [...Object.values(inputs), ...Object.values(state)].forEach((tensor) => tensor.dispose())
  return { result, dispose }
}

/** The distinct steady states at each coolant temperature, from the coldest on. */
function findAll(rt: Runtime, deq: DEQ, coolants: readonly number[]): State[] {
  const tries = coolants.flatMap((coolant) => STARTS.map((start) => ({ coolant, start })))
  const { result, dispose } = solve(
    rt,
    deq,
    tries.map(({ coolant }) => ({ ...USUAL, coolant })),
    tries.map(({ start }): [number, number] => [USUAL.feed / (1 + rateAt(start)), start]),
  )
  const { info } = result
  const all = statesOf(
    result,
    tries.map(({ coolant }) => coolant),
  )
  const good = all.filter((_, i) => info.converged[i])
  const others = [...new Set(info.outcome.filter((_, i) => !info.converged[i]))]
  dispose()
  console.log(`newton from ${tries.length} starts: ${good.length} converged${others.length > 0 ? `, the others ended by ${others.join(' or ')}` : ''}`) // prettier-ignore
  const distinct = coolants.flatMap((coolant) => withoutTwins(good.filter((state) => state.coolant === coolant)))
  checkAgainstClosedForm(coolants, distinct)
  return distinct
}

function statesOf({ output, state }: DEQForwardResult, coolants: readonly number[]): State[] {
  const concentration = state['concentration']!.data
  const { data } = output
  return coolants.map((coolant, i) => ({
    coolant,
    concentration: concentration[i]!,
    conversion: data[2 * i]!,
    temperature: data[2 * i + 1]!,
  }))
}

function withoutTwins(states: readonly State[]): State[] {
  const sorted = [...states].sort((a, b) => a.temperature - b.temperature)
  return sorted.filter(({ temperature }, i) => i === 0 || temperature - sorted[i - 1]!.temperature > SAME)
}

/** At a steady state the temperature gives the coolant in closed form: as many states as that curve crosses, and all of them on it. */
function checkAgainstClosedForm(coolants: readonly number[], states: readonly State[]): void {
  const curve = Array.from({ length: (SCAN.to - SCAN.from) / SCAN.every }, (_, i) =>
    coolantAt(SCAN.from + i * SCAN.every, USUAL),
  )
  for (const coolant of coolants) {
    const own = states.filter((state) => state.coolant === coolant)
    const crossings = curve.filter((here, i) => i > 0 && here > coolant !== curve[i - 1]! > coolant).length
    check(own.length === crossings, `there are ${crossings} steady states at ${coolant} K of coolant: ${own.length} found`) // prettier-ignore
  }
  const apart = Math.max(...states.map(({ temperature, coolant }) => Math.abs(coolantAt(temperature, USUAL) - coolant)))
  console.log(`${states.length} steady states, all that there are; off the curve in closed form by ${apart.toExponential(1)} K at most`) // prettier-ignore
  // A residual of TOLERANCE · ‖F‖, ‖F‖ < 2, in units of UNIT per STEP; the curve divides by the cooling.
  check(
    apart < (2 * TOLERANCE * UNIT * (1 + TANK.heat / UNIT)) / (STEP * TANK.cooling),
    'steady states lie on the curve',
  )
}

/** One forward from the states themselves, then one backward for each output. */
function examine(rt: Runtime, deq: DEQ, states: readonly State[]): SteadyState[] {
  const { result, dispose } = solve(rt, deq, states.map(conditionsOf), states.map(guessOf))
  check(result.info.converged.every(Boolean), 'newton stays where it was')
  const radii = deq.spectralRadius({ perSample: true })
  const sensitivities = OUTPUTS.map((_, column) => backward(rt, deq, states.length, column))
  dispose()
  return states.map((state, i) => ({
    ...state,
    radius: radii[i]!,
    sensitivity: { conversion: sensitivities[0]![i]!, temperature: sensitivities[1]![i]! },
  }))
}

const conditionsOf = ({ coolant }: State): Conditions => ({ ...USUAL, coolant })
const guessOf = ({ concentration, temperature }: State): [number, number] => [concentration, temperature]

/** The gradients of one output by the inputs, tank by tank: no tank depends on another. */
function backward(rt: Runtime, deq: DEQ, B: number, column: number): Conditions[] {
  const output = rt.tensor(
    Float64Array.from({ length: 2 * B }, (_, i) => (i % 2 === column ? 1 : 0)),
    [B, 2],
  )
  const input = deq.backward({ output }).input as Record<Input, Tensor>
  output.dispose()
  const [feed, feedTemperature, coolant] = INPUTS.map((name) => Float64Array.from(input[name].data))
  return Array.from({ length: B }, (_, i) => ({
    feed: feed![i]!,
    feedTemperature: feedTemperature![i]!,
    coolant: coolant![i]!,
  }))
}

/**
 * Every sensitivity of every steady state beside central differences of the solved point. Allowed: differences with steps h and 2 h are apart
 * by three times the truncation error of h; a residual r moves an output by at most ‖v‖ r, v being the adjoint, whose parts are read off the
 * gradients by feed and coolant, since those enter F linearly, one in each equation.
 */
function checkAgainstDifferences(rt: Runtime, deq: DEQ, states: readonly SteadyState[]): void {
  const worst = { share: 0, allowed: 0 }
  for (const name of INPUTS) {
    const h = STEPS[name]
    const by = [h, 2 * h].map((step) => differences(rt, deq, states, name, step))
    for (const [i, { sensitivity, concentration }] of states.entries()) {
      for (const output of OUTPUTS) {
        const [near, far] = by.map((slopes) => slopes[i]![output]) as [number, number]
        const own = sensitivity[output]
        const direct = output === 'conversion' ? concentration / USUAL.feed ** 2 : 0
        const v = [(own.feed - direct) / (STEP * TANK.dilution), (own.coolant * UNIT) / (STEP * TANK.cooling)] as const
        const allowed = Math.abs(near - far) + (Math.hypot(...v) * 2 * TOLERANCE) / h
        const error = Math.abs(near - own[name])
        worst.share = Math.max(worst.share, error / allowed)
        worst.allowed = Math.max(worst.allowed, allowed / Math.abs(own[name]))
        check(error <= allowed, `d ${output} / d ${name} is ${own[name]} at ${states[i]!.temperature} K: differences give ${near}, allowed ${allowed}`) // prettier-ignore
      }
    }
  }
  const count = states.length * INPUTS.length * OUTPUTS.length
  console.log(`${count} sensitivities agree with central differences: errors are up to ${roughly(worst.share)} of what is allowed, that is up to ${roughly(worst.allowed)} of a slope`) // prettier-ignore
}

const roughly = (share: number): string => `${(100 * share).toPrecision(2)} %`

function differences(
  rt: Runtime,
  deq: DEQ,
  states: readonly State[],
  name: Input,
  h: number,
): Record<Output, number>[] {
  const at = (step: number) => {
    const moved = states.map((state) => ({ ...conditionsOf(state), [name]: conditionsOf(state)[name] + step }))
    const { result, dispose } = solve(rt, deq, moved, states.map(guessOf))
    check(result.info.converged.every(Boolean), `newton follows a steady state when ${name} moves by ${step}`)
    const there = statesOf(
      result,
      states.map(({ coolant }) => coolant),
    )
    dispose()
    return there
  }
  const [above, below] = [at(h), at(-h)]
  return above.map((state, i) => ({
    conversion: (state.conversion - below[i]!.conversion) / (2 * h),
    temperature: (state.temperature - below[i]!.temperature) / (2 * h),
  }))
}

/** ρ of the map beside trace and determinant of ∂f/∂z. */
function checkStability(states: readonly SteadyState[]): void {
  for (const { temperature, concentration, radius } of states) {
    const claim = `at ${temperature.toFixed(2)} K, ρ = ${radius} and the eigenvalues tell the same of stability`
    check(radius < 1 === isStable(temperature, concentration), claim)
  }
}

function report(states: readonly SteadyState[]): void {
  const signed = (x: number, digits: number) => (x < 0 ? '' : '+') + x.toFixed(digits)
  const shown = states.filter(({ coolant }) => [290, 300, 302, 310].includes(coolant))
  const rows = shown.map(
    ({ coolant, temperature, conversion, radius, sensitivity: { temperature: T, conversion: X } }) => [
      String(coolant),
      temperature.toFixed(2),
      percent(conversion),
      signed(1000 * (radius - 1), 3),
      radius < 1 ? 'yes' : 'no',
      signed(T.coolant, 2),
      signed(T.feedTemperature, 2),
      signed(T.feed / 100, 2),
      signed(100 * X.coolant, 2),
    ],
  )
  const header = ['coolant, K', 'T, K', 'converted', '(ρ - 1) · 1000', 'stable', 'dT/dTc', 'dT/dTf', 'dT per 1 % of feed', 'points of conversion per K of Tc'] // prettier-ignore
  console.log(formatTable(header, rows))
  check(shown.some(({ temperature }) => Math.abs(temperature - 350) < 0.1), "the textbook's steady state, 350 K at 300 K of coolant, is among them") // prettier-ignore
}
