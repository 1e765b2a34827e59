/** Numbers at the edges: weights that let gradients vanish or gates saturate, inputs that are not finite, or hardly different from 0. */
import { GRU, LSTM, type Module, RNN, type Runtime, type Tensor } from '../../bindings/index.ts'
import { drawParameters } from '../support/nets.ts'
import type { Findings } from './findings.ts'
import type { Program } from './program.ts'
import { Run } from './run.ts'

const SIZES = { T: 31, B: 17, columns: 3 }
const size = { inputSize: 3, hiddenSize: 5 }

const NETS: Readonly<Record<string, (rt: Runtime) => Module>> = {
  RNN: (rt) => new RNN(rt, size),
  LSTM: (rt) => new LSTM(rt, size),
  'LSTM, plain operations': (rt) => new LSTM(rt, { ...size, fused: false }),
  GRU: (rt) => new GRU(rt, size),
  'GRU, reset before': (rt) => new GRU(rt, { ...size, resetAfter: false }),
}

/** One sample each holds what is not finite: all others stay as they are. */
const STRANGE = [Number.NaN, Infinity, -Infinity, -0, 1e-42, -3e38]

function makeStrange(x: Tensor): void {
  const { B, columns } = SIZES
  const { data } = x
  for (const [i, value] of STRANGE.entries()) data[(i * B + 2 * i) * columns + 1] = value
}

const scaled = (x: Tensor, factor: number): void => {
  x.data.set(x.data.map((value) => value * factor))
}

const EDGES: Readonly<Record<string, (net: Module, x: Tensor) => void>> = {
  'weights near 0': (net) => drawParameters(net, 7, 1e-4),
  'weights of 40': (net) => drawParameters(net, 7, 40),
  'inputs near 0': (_, x) => scaled(x, 2 ** -135),
  'inputs far from 0': (_, x) => scaled(x, 2 ** 100),
  'inputs not finite': (_, x) => makeStrange(x),
}

function atEdge(make: (rt: Runtime) => Module, edge: (net: Module, x: Tensor) => void, rt: Runtime, found: Findings) {
  const run = new Run(make(rt), found, SIZES)
  const x = run.input() as Tensor
  edge(run.net, x)
  run.backward('once', run.forward('once', x))
}

export const edges: readonly Program[] = Object.entries(NETS).flatMap(([kind, make]) =>
  Object.entries(EDGES).map(([name, edge]): Program => {
    return { name: `${kind}: ${name}`, run: (rt, found) => atEdge(make, edge, rt, found) }
  }),
)
