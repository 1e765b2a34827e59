/** Stacks of every kind, to be run along a direction. */
import {
  GRU,
  LSTM,
  LayerNorm,
  Linear,
  RNN,
  Recurrent,
  type Runtime,
  defineCell,
  diagonalRnnCell,
  orthogonalRnnCell,
} from '../../bindings/index.ts'
import { add, concat, linear, mul, prev, scale, sin, tanh } from '../../bindings/ops.ts'
import { sizeCell } from '../../bindings/program/trace.ts'
import { Unrolled } from '../../bindings/unroll/unrolled.ts'
import { drawParameters, drawTensor } from './nets.ts'
import { type Direction, type Lengths, type Point, drawDirection, inputsOf } from './tangents.ts'

const [I, H] = [3, 4]
const sizes = { inputSize: I, hiddenSize: H }

export interface Case {
  make(rt: Runtime): Unrolled
  readonly T?: number
  readonly B?: number
  readonly lengths?: Lengths
  /** false: the first state stands for all before it. */
  readonly past?: boolean
}

const LENGTHS = [6, 0, 3, 1]
/** 64 steps of 4 samples are a time chunk; this is two, and a step more. */
const LONG = 129

/** Two inputs, a state read further back than the other, an output of other columns than either. */
const OWN = defineCell({
  state: { a: H, b: 2 },
  input: { x: I, u: 2 },
  params: { weight: [H, I], mix: [H, H], gain: [2] },
  step: ({ x, u, a, b, weight, mix, gain }) => {
    const next = tanh(linear(prev(a!, 3), mix!, linear(x!, weight!, scale(a!, 0.3))))
    const slow = add(scale(prev(b!, 2), 0.4), mul(gain!, sin(u!)))
    return { state: { a: next, b: slow }, output: concat(next, mul(slow, b!), u!) }
  },
})

/** A state of as many columns in every layer, and an output of its own width. */
const WIDE = defineCell({
  state: { h: 'H' },
  input: { x: 'I' },
  params: { weightIh: ['H', 'I'], weightHh: ['H', 'H'], weightO: ['O', 'H'] },
  step: ({ x, h, weightIh, weightHh, weightO }) => {
    const next = tanh(linear(h!, weightHh!, linear(x!, weightIh!)))
    return { state: { h: next }, output: linear(next, weightO!) }
  },
})

/** Two directions of three layers with outputs of different widths: no module is one, the planners ask for no less. */
class Widths extends Unrolled {
  constructor(rt: Runtime) {
    const widths = [3, 5, 2]
    const layers = widths.map((O, depth) => {
      const sized = sizeCell(WIDE, { I: depth === 0 ? I : 2 * widths[depth - 1]!, H, O })
      return [sized, sized]
    })
    const nameOf = (depth: number, param: string, reversed: boolean) => `${param} ${depth} ${reversed}`
    super(rt, { type: 'Widths', layers, layered: true, nameOf, boundOf: () => 1 })
  }
}

export const CASES: Readonly<Record<string, Case>> = {
  RNN: { make: (rt) => new RNN(rt, sizes) },
  LSTM: { make: (rt) => new LSTM(rt, sizes) },
  'LSTM of plain gates': { make: (rt) => new LSTM(rt, { ...sizes, fused: false }) },
  'LSTM, projected': { make: (rt) => new LSTM(rt, { ...sizes, projSize: 2 }) },
  GRU: { make: (rt) => new GRU(rt, sizes) },
  'GRU of plain gates': { make: (rt) => new GRU(rt, { ...sizes, fused: false }) },
  'GRU, reset before the product': { make: (rt) => new GRU(rt, { ...sizes, resetAfter: false }) },
  'one step': { make: (rt) => new GRU(rt, { ...sizes }), T: 1 },
  'RNN with skips': { make: (rt) => new RNN(rt, { ...sizes, skips: [2, 4] }) },
  'RNN with skips, the first state standing for its past': {
    make: (rt) => new RNN(rt, { ...sizes, skips: [2, 4] }),
    past: false,
  },
  'LSTM with skips, two layers': { make: (rt) => new LSTM(rt, { ...sizes, skips: [3], numLayers: 2 }) },
  'GRU, three layers': { make: (rt) => new GRU(rt, { ...sizes, numLayers: 3 }) },
  'dropout between layers': { make: (rt) => new GRU(rt, { ...sizes, numLayers: 2, dropout: 0.5 }) },
  'residual in time and depth': {
    make: (rt) => new RNN(rt, { ...sizes, numLayers: 2, residual: true, layerResidual: true }),
  },
  'batch first': { make: (rt) => new LSTM(rt, { ...sizes, batchFirst: true }) },
  lengths: { make: (rt) => new LSTM(rt, { ...sizes, numLayers: 2 }), lengths: LENGTHS },
  'lengths, skips, batch first': {
    make: (rt) => new GRU(rt, { ...sizes, skips: [2], batchFirst: true }),
    lengths: LENGTHS,
  },
  'two directions': { make: (rt) => new LSTM(rt, { ...sizes, bidirectional: true }) },
  'two directions, two layers, skips, lengths, batch first': {
    make: (rt) => new GRU(rt, { ...sizes, bidirectional: true, numLayers: 2, skips: [3], batchFirst: true }),
    lengths: LENGTHS,
  },
  'two directions, projected, residual': {
    make: (rt) => new LSTM(rt, { ...sizes, bidirectional: true, numLayers: 3, projSize: 2, layerResidual: true }),
  },
  'several chunks': { make: (rt) => new GRU(rt, { ...sizes, numLayers: 2 }), T: LONG },
  'several chunks, skips': { make: (rt) => new RNN(rt, { ...sizes, skips: [5] }), T: LONG },
  'several chunks, two directions, lengths': {
    make: (rt) => new LSTM(rt, { ...sizes, bidirectional: true, numLayers: 2 }),
    T: LONG,
    lengths: [LONG, 64, 65, 0],
  },
  'several inputs, states and delays': {
    make: (rt) => new Recurrent(rt, { cell: OWN }),
  },
  'several inputs, batch first, lengths': {
    make: (rt) => new Recurrent(rt, { cell: OWN, batchFirst: true }),
    lengths: LENGTHS,
  },
  'what follows from parameters alone': {
    make: (rt) => new Recurrent(rt, { cell: orthogonalRnnCell(), sizes: { I, H } }),
  },
  'an output beside the states': {
    make: (rt) => new Recurrent(rt, { cell: diagonalRnnCell(), sizes: { I, H, O: 2 } }),
  },
  'layers of different widths in two directions': { make: (rt) => new Widths(rt), T: LONG },
  'no state': { make: (rt) => new Linear(rt, { inFeatures: I, outFeatures: H }) },
  'no state, normalised': { make: (rt) => new LayerNorm(rt, { normalizedShape: I }) },
}

export interface Prepared {
  readonly module: Unrolled
  readonly point: Point
  readonly direction: Direction
  readonly lengths: Lengths | undefined
  /** Roundings on the longest chain. */
  readonly terms: number
}

/** A module of drawn parameters, a drawn point and a drawn direction from there. */
export function prepare({ make, T = 6, B = 4, lengths, past = true }: Case, rt: Runtime): Prepared {
  const module = make(rt)
  drawParameters(module, 5, 0.5)
  const axes = module.batchFirst ? [B, T] : [T, B]
  const columns = module.stack.layers[0]!.sized.inputs
  const inputs = Object.fromEntries(
    inputsOf(module).map((name) => [name, drawTensor(rt, 1, name, [...axes, columns.get(name)!])]),
  )
  const { states } = module.stack
  const given = states.names.filter((name) => past || !states.pasts.includes(name))
  const state = Object.fromEntries(given.map((name) => [name, drawTensor(rt, 2, name, states.shape(name, B))]))
  const point = { inputs, state }
  return { module, point, direction: drawDirection(module, point, 3), lengths, terms: roundings(module, T) }
}

/** At each step, of each layer, through the sums of its products and a few functions. */
function roundings(module: Unrolled, T: number): number {
  const shapes = module.parameters().map(({ value }) => value.shape)
  return T * shapes.reduce((sum, shape) => sum + shape.at(-1)! + 8, 0)
}
