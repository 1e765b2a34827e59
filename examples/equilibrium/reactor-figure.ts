/** The S-curve with what is stable of it, and the sensitivities along it. */
import type { Axis } from '../kit/axes.ts'
import type { Figure, Line, Panel } from '../kit/lines.ts'
import { COLOURS } from '../kit/style.ts'
import { type Conditions, coolantAt, rateAt, TANK, USUAL } from './tank.ts'

export type Output = 'conversion' | 'temperature'

export interface State {
  readonly coolant: number
  readonly concentration: number
  /** In K. */
  readonly temperature: number
  readonly conversion: number
}

export interface SteadyState extends State {
  /** ρ of the map's Jacobian. */
  readonly radius: number
  /** dOutput / dInput. */
  readonly sensitivity: Readonly<Record<Output, Conditions>>
}

const STABLE = { name: 'stable', colour: COLOURS.black }
const UNSTABLE = { name: 'unstable', colour: COLOURS.orange }
const CLOSED_FORM = { name: 'closed form', colour: COLOURS.silver }
/** By what a sensitivity is, and how it is read off. */
const SENSITIVITIES: readonly {
  readonly name: string
  readonly colour: string
  of(state: SteadyState, output: Output): number
}[] = [
  { name: 'by coolant', colour: COLOURS.blue, of: ({ sensitivity }, output) => sensitivity[output].coolant },
  {
    name: 'by feed temperature',
    colour: COLOURS.green,
    of: ({ sensitivity }, output) => sensitivity[output].feedTemperature,
  },
  {
    name: 'by feed, per 1 %',
    colour: COLOURS.purple,
    of: ({ sensitivity }, output) => (sensitivity[output].feed * USUAL.feed) / 100,
  },
]
/** Sensitivities beyond ± this are cut off: at the ends of a branch they have no bound. */
const LIMIT = 12
const x: Axis = { title: 'coolant, K', grid: true }

export function figureOf(states: readonly SteadyState[]): Figure {
  return {
    title: 'A stirred tank reactor: steady states and how they answer',
    subtitle: [
      'Newton on z + dt f(z) from 16 starts for each coolant temperature; stable where ρ of that map is below 1.',
      'Sensitivities by the implicit gradient; they have poles at ignition and extinction',
    ],
    columns: 2,
    looks: [CLOSED_FORM, STABLE, UNSTABLE, ...SENSITIVITIES],
    panels: [
      curveOf('Temperature', { title: 'K' }, states, ({ temperature }) => temperature),
      curveOf('Conversion', { title: 'share of A', format: '~%' }, states, ({ conversion }) => conversion),
      slopesOf('Sensitivity of the temperature', 'K per K, or per 1 %', 'temperature', 1, states),
      slopesOf('Sensitivity of the conversion', 'points per K, or per 1 %', 'conversion', 100, states),
    ],
  }
}

/** Dots over the curve in closed form, along which T runs. */
function curveOf(
  title: string,
  y: Axis,
  states: readonly SteadyState[],
  of: (state: Pick<State, 'temperature' | 'conversion'>) => number,
): Panel {
  const coolants = states.map(({ coolant }) => coolant)
  const [from, to] = [Math.min(...coolants), Math.max(...coolants)]
  const along = Array.from({ length: 600 }, (_, i) => 300 + 0.2 * i).filter((T) => {
    const coolant = coolantAt(T, USUAL)
    return coolant >= from && coolant <= to
  })
  const curve = along.map((temperature) => {
    const conversion = rateAt(temperature) / (TANK.dilution + rateAt(temperature))
    return { x: coolantAt(temperature, USUAL), y: of({ temperature, conversion }) }
  })
  const dotsOf = (wanted: boolean) =>
    states.filter(({ radius }) => radius < 1 === wanted).map((state) => ({ x: state.coolant, y: of(state) }))
  return {
    title,
    x,
    y,
    lines: [
      { name: CLOSED_FORM.name, points: curve },
      { name: STABLE.name, points: dotsOf(true), as: 'dots' },
      { name: UNSTABLE.name, points: dotsOf(false), as: 'dots' },
    ],
  }
}

function slopesOf(title: string, label: string, output: Output, unit: number, states: readonly SteadyState[]): Panel {
  const lines = SENSITIVITIES.flatMap(({ name, of }) =>
    branchesOf(states).map((branch): Line => {
      return { name, points: branch.map((state) => ({ x: state.coolant, y: unit * of(state, output) })) }
    }),
  )
  return { title, x, y: { title: label, domain: [-LIMIT, LIMIT] }, lines }
}

/** Along the S from cold to hot: cut where the coolant turns, which is where the temperature's slope by it changes sign. */
function branchesOf(states: readonly SteadyState[]): SteadyState[][] {
  const sorted = [...states].sort((a, b) => a.temperature - b.temperature)
  const branches: SteadyState[][] = [[]]
  for (const [i, state] of sorted.entries()) {
    const rises = state.sensitivity.temperature.coolant > 0
    if (i > 0 && rises !== sorted[i - 1]!.sensitivity.temperature.coolant > 0) branches.push([])
    branches.at(-1)!.push(state)
  }
  return branches
}
