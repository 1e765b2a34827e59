/**
 * ONNX's format, written field by field: it needs 7 messages of the format's 30.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (field numbers)
 */
const [IR_VERSION, OPSET] = [8, 17]
const [FLOAT, ATTRIBUTE_INT] = [1, 2]
const [VARINT, BYTES] = [0, 2] // wire types

export interface OnnxNode {
  readonly op: string
  /** '' for one that is left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, number>>
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[]
  readonly weights: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>
  /** Shapes by name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>
  readonly outputs: Readonly<Record<string, readonly number[]>>
}

/** ModelProto. */
export function writeOnnx({ nodes, weights, inputs, outputs }: OnnxGraph): Uint8Array {
  const values = (number: number, shapes: OnnxGraph['inputs']) =>
    Object.entries(shapes).flatMap(([name, shape]) => field(number, valueInfo(name, shape)))
  const graph = [
    ...nodes.flatMap((node) => field(1, nodeProto(node))),
    ...text(2, 'graph'),
    ...Object.entries(weights).flatMap(([name, { shape, data }]) => field(5, tensor(name, shape, data))),
    ...values(11, inputs),
    ...values(12, outputs),
  ]
  return Uint8Array.from([...integer(1, IR_VERSION), ...field(7, graph), ...field(8, integer(2, OPSET))])
}

/** NodeProto. */
function nodeProto({ op, inputs, outputs, attributes = {} }: OnnxNode): number[] {
  return [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => field(5, attribute(name, value))),
  ].flat()
}

/** TensorProto. */
function tensor(name: string, shape: readonly number[], data: Float32Array): number[] {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const dims = shape.flatMap((size) => integer(1, size))
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
