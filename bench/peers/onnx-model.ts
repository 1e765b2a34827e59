/**
 * A model of one LSTM or GRU node in ONNX's format, written field by field: it needs 7 messages of the format's 30.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (field numbers), https://onnx.ai/onnx/operators/onnx__LSTM.html
 */
import type { Workload } from '../support/shapes.ts'
import { type Data, type Named, reordered } from './data.ts'

/** PyTorch's blocks i, f, g, o as ONNX's i, o, f, c; r, z, n as z, r, h. */
const ORDER = { LSTM: [0, 3, 1, 2], GRU: [1, 0, 2] } as const

const [IR_VERSION, OPSET] = [8, 17]
const [FLOAT, ATTRIBUTE_INT] = [1, 2]
const [VARINT, BYTES] = [0, 2] // wire types

/** Inputs X and, where `streaming`, initial_h and initial_c; outputs Y, or Y_h and Y_c. */
export function onnxModel(workload: Workload, { weights }: Data, { streaming = false } = {}): Uint8Array {
  const { cell, T, B, I, H } = workload
  if (cell === 'RNN') throw new Error('no peer runs an RNN by ONNX')
  const [wIh, wHh, bIh, bHh] = ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0'].map((name) =>
    reordered(weights[name]!, ORDER[cell]),
  ) as [Named, Named, Named, Named]
  const bias = { shape: [2 * bIh.data.length], data: Float32Array.of(...bIh.data, ...bHh.data) }
  const state = (name: string) => valueInfo(name, [1, B, H])
  const stateNames = cell === 'LSTM' ? ['h', 'c'] : ['h']
  const initial = streaming ? ['', ...stateNames.map((s) => `initial_${s}`)] : []
  const outputs = streaming ? ['', ...stateNames.map((s) => `Y_${s}`)] : ['Y']
  const attributes = [attribute('hidden_size', H), ...(cell === 'GRU' ? [attribute('linear_before_reset', 1)] : [])]
  const node = [
    ...['X', 'W', 'R', 'B', ...initial].map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, cell),
    ...attributes.map((bytes) => field(5, bytes)),
  ].flat()
  const graph = [
    ...field(1, node),
    ...text(2, 'graph'),
    ...[tensor('W', wIh), tensor('R', wHh), tensor('B', bias)].flatMap((bytes) => field(5, bytes)),
    ...field(11, valueInfo('X', [T, B, I])),
    ...initial.slice(1).flatMap((name) => field(11, state(name))),
    ...outputs.filter(Boolean).flatMap((name) => field(12, name === 'Y' ? valueInfo('Y', [T, 1, B, H]) : state(name))),
  ]
  return Uint8Array.from([...integer(1, IR_VERSION), ...field(7, graph), ...field(8, integer(2, OPSET))])
}

/** TensorProto, with the one direction's axis in front. */
function tensor(name: string, { shape, data }: Named): number[] {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const dims = [1, ...shape].flatMap((size) => integer(1, size))
  return [...dims, ...integer(2, FLOAT), ...text(8, name), ...field(9, raw)]
}

/** ValueInfoProto: a name, and a float tensor's shape. */
function valueInfo(name: string, shape: readonly number[]): number[] {
  const dims = shape.flatMap((size) => field(1, integer(1, size)))
  const tensorType = [...integer(1, FLOAT), ...field(2, dims)]
  return [...text(1, name), ...field(2, field(1, tensorType))]
}

const attribute = (name: string, value: number): number[] => [
  ...text(1, name),
  ...integer(3, value),
  ...integer(20, ATTRIBUTE_INT),
]

const text = (number: number, value: string): number[] => field(number, new TextEncoder().encode(value))

const field = (number: number, bytes: Iterable<number>): number[] => {
  const content = [...bytes]
  return [...varint((number << 3) | BYTES), ...varint(content.length), ...content]
}

const integer = (number: number, value: number): number[] => [...varint((number << 3) | VARINT), ...varint(value)]

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}
