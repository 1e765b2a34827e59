/**
 * A model of one LSTM or GRU node.
 * @see https://onnx.ai/onnx/operators/onnx__LSTM.html
 */
import type { Workload } from '../support/shapes.ts'
import { type Data, type Named, reordered } from './data.ts'
import { writeOnnx } from './onnx-format.ts'

/** PyTorch's blocks i, f, g, o as ONNX's i, o, f, c; r, z, n as z, r, h. */
const ORDER = { LSTM: [0, 3, 1, 2], GRU: [1, 0, 2] } as const

/** Inputs X and, where `streaming`, initial_h and initial_c; outputs Y, or Y_h and Y_c. */
export function onnxModel(workload: Workload, { weights }: Data, { streaming = false } = {}): Uint8Array {
  const { cell, T, B, I, H } = workload
  if (cell === 'RNN') throw new Error('no peer runs an RNN by ONNX')
  const [W, R, bIh, bHh] = ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0'].map((name) =>
    reordered(weights[name]!, ORDER[cell]),
  ) as [Named, Named, Named, Named]
  const bias = { shape: [2 * bIh.data.length], data: Float32Array.of(...bIh.data, ...bHh.data) }
  const names = cell === 'LSTM' ? ['h', 'c'] : ['h']
  const states = (form: (name: string) => string) =>
    Object.fromEntries(names.map((name) => [form(name), [1, B, H]] as const))
  const [initial, final] = [states((name) => `initial_${name}`), states((name) => `Y_${name}`)]
  const node = {
    op: cell,
    inputs: ['X', 'W', 'R', 'B', ...(streaming ? ['', ...Object.keys(initial)] : [])],
    outputs: streaming ? ['', ...Object.keys(final)] : ['Y'],
    attributes: { hidden_size: H, ...(cell === 'GRU' && { linear_before_reset: 1 }) },
  }
  return writeOnnx({
    nodes: [node],
    weights: { W: oneDirection(W), R: oneDirection(R), B: oneDirection(bias) },
    inputs: { X: [T, B, I], ...(streaming && initial) },
    outputs: streaming ? final : { Y: [T, 1, B, H] },
  })
}

/** With the directions' axis in front. */
const oneDirection = ({ shape, data }: Named): Named => ({ shape: [1, ...shape], data })
