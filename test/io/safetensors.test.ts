import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readSafetensors, writeSafetensors } from '../../bindings/io.ts'
import type { SafetensorsArray, SafetensorsFile, SafetensorsInput } from '../../bindings/io.ts'
import { RetrogradError } from '../../bindings/runtime/errors.ts'

const encoder = new TextEncoder()

/** Puts a file together by hand: `header` is JSON text, or what becomes it; `length` is what the file claims. */
function assemble(header: unknown, data: ArrayLike<number> = [], length?: bigint): Uint8Array {
  const json = encoder.encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true)
  bytes.set(json, 8)
  bytes.set(data, 8 + json.length)
  return bytes
}

function tensor(dtype: string, shape: unknown, begin: unknown, end: unknown): unknown {
  return { dtype, shape, data_offsets: [begin, end] }
}

function bytesOf(array: SafetensorsArray): number[] {
  return [...new Uint8Array(array.buffer, array.byteOffset, array.byteLength)]
}

function bits32(array: SafetensorsArray): number[] {
  return [...new Uint32Array(array.buffer, array.byteOffset, array.length)]
}

function refuses(attempt: () => unknown, message: RegExp): void {
  let result: unknown
  try {
    result = attempt()
  } catch (error) {
    assert.instance(error, RetrogradError)
    assert.is((error as RetrogradError).code, 'file')
    assert.match((error as RetrogradError).message, message)
    return
  }
  assert.unreachable(`expected a refusal ${message}; got ${JSON.stringify(result)}`)
}

const SAMPLE = {
  weight_ih_l0: { shape: [2, 3], data: Float32Array.of(1, -2, 0.5, 4, 5, 6) },
  steps: { shape: [], data: BigInt64Array.of(-9007199254740993n) },
  mask: { shape: [3], data: Uint8Array.of(1, 0, 1) },
  moments: { shape: [1, 2], data: Float64Array.of(Math.PI, -1e-320) },
  empty: { shape: [0, 4], data: new Int32Array(0) },
  small: { shape: [1], data: Int16Array.of(-3) },
} satisfies SafetensorsInput

// --- what the format's page shows

const format = suite('safetensors format')

format('a file put together by hand from the specification reads as it says', () => {
  const data = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer)
  const bytes = assemble(
    '{"test":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"__metadata__":{"foo":"bar"}}   ',
    data,
  )
  assert.equal(readSafetensors(bytes), {
    tensors: { test: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } },
    metadata: { foo: 'bar' },
  })
})

format('the written bytes are those of the specification, header padded to 8 bytes with spaces', () => {
  const written = writeSafetensors({ test: { shape: [2], data: Float32Array.of(1, 2) } }, { foo: 'bar' })
  const json = '{"__metadata__":{"foo":"bar"},"test":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.padEnd(88)
  const byHand = assemble(json, [0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00, 0x40])
  assert.equal([...written], [...byHand])
})

format('data starts at a multiple of 8 and every tensor at one of its own element size', () => {
  const bytes = writeSafetensors(SAMPLE, { note: 'x' })
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  assert.is((8 + length) % 8, 0)
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))
  for (const [name, { data }] of Object.entries(SAMPLE)) {
    assert.is(header[name].data_offsets[0] % data.BYTES_PER_ELEMENT, 0, name)
  }
})

format('metadata holds what the caller gave and nothing else', () => {
  assert.equal(readSafetensors(writeSafetensors(SAMPLE)).metadata, {})
  const metadata = { format: '1', dtype: 'float32', variant: 'simd' }
  assert.equal(readSafetensors(writeSafetensors(SAMPLE, metadata)).metadata, metadata)
})

format('a file without tensors is a file', () => {
  assert.equal(readSafetensors(writeSafetensors({})), { tensors: {}, metadata: {} })
  assert.equal(readSafetensors(assemble('{}')), { tensors: {}, metadata: {} })
})

format.run()

// --- bits

const roundTrip = suite('safetensors round trip')

roundTrip('keeps shapes, kinds and values, and writes the same bytes again', () => {
  const bytes = writeSafetensors(SAMPLE, { a: 'b' })
  const { tensors, metadata } = readSafetensors(bytes)
  assert.equal(Object.keys(tensors).sort(), Object.keys(SAMPLE).sort())
  for (const [name, { shape, data }] of Object.entries(SAMPLE)) {
    assert.equal(tensors[name], { shape: [...shape], data }, name)
  }
  assert.equal([...writeSafetensors(tensors, metadata)], [...bytes])
})

roundTrip('keeps every bit of float32: NaN payloads, -0, subnormals, infinities', () => {
  const patterns = Uint32Array.of(
    0x7fc00000,
    0x7fc12345,
    0x7f800001,
    0xffffffff,
    0x80000000,
    1,
    0x807fffff,
    0x7f800000,
    0xff800000,
  )
  const data = new Float32Array(patterns.buffer)
  const read = readSafetensors(writeSafetensors({ w: { shape: [9], data } })).tensors.w!
  assert.equal(bits32(read.data), [...patterns])
})

roundTrip('keeps every bit of float64', () => {
  const patterns = BigUint64Array.of(0x7ff8000000000000n, 0x7ff0dead0000beefn, 0x8000000000000000n, 1n)
  const data = new Float64Array(patterns.buffer)
  const read = readSafetensors(writeSafetensors({ w: { shape: [4], data } })).tensors.w!
  assert.equal(bytesOf(read.data), bytesOf(data))
})

roundTrip('holds each kind of typed array', () => {
  const kinds: SafetensorsArray[] = [
    Float32Array.of(1.5, -2),
    Float64Array.of(1.5, -2),
    Int8Array.of(-128, 127),
    Uint8Array.of(0, 255),
    Int16Array.of(-32768, 32767),
    Uint16Array.of(0, 65535),
    Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
    Uint32Array.of(0, 2 ** 32 - 1),
    BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n),
    BigUint64Array.of(0n, 2n ** 64n - 1n),
  ]
  for (const data of kinds) {
    const read = readSafetensors(writeSafetensors({ w: { shape: [2], data } })).tensors.w!
    assert.is(read.data.constructor, data.constructor)
    assert.equal(read.data, data)
  }
})

roundTrip('reads a file that lies anywhere in a larger buffer, and copies it', () => {
  const bytes = writeSafetensors(SAMPLE)
  for (const offset of [0, 1, 3, 4]) {
    const buffer = Buffer.alloc(bytes.length + 8)
    buffer.set(bytes, offset)
    const { tensors } = readSafetensors(buffer.subarray(offset, offset + bytes.length))
    buffer.fill(0xff)
    assert.equal(tensors.weight_ih_l0!.data, SAMPLE.weight_ih_l0!.data)
  }
  assert.equal(readSafetensors(bytes.buffer as ArrayBuffer), readSafetensors(bytes))
})

roundTrip('writes a view into a larger buffer, and takes a Buffer for bytes', () => {
  const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3)
  const read = readSafetensors(
    writeSafetensors({ w: { shape: [2], data }, b: { shape: [2], data: Buffer.from([7, 8]) } }),
  )
  assert.equal(read.tensors.w!.data, Float32Array.of(1, 2))
  assert.equal(read.tensors.b!.data, Uint8Array.of(7, 8))
})

roundTrip('names are only names: __proto__, constructor, quotes, digits, other scripts', () => {
  const names = ['__proto__', 'constructor', 'toString', 'a"b\\c', '0', 'ψ_ℓ\u{1f600}', '']
  const dict = Object.fromEntries(
    names.map((name, i) => [name, { shape: [1], data: Float32Array.of(i) }]),
  ) as SafetensorsInput
  const metadata = Object.fromEntries(names.map((name) => [name, `m${name}`])) as Record<string, string>
  const read = readSafetensors(writeSafetensors(dict, metadata))
  assert.equal(Object.keys(read.tensors).sort(), [...names].sort())
  for (const [i, name] of names.entries()) {
    assert.equal(Object.getOwnPropertyDescriptor(read.tensors, name)!.value.data, Float32Array.of(i))
    assert.is(Object.getOwnPropertyDescriptor(read.metadata, name)!.value, `m${name}`)
  }
  assert.is(Object.getPrototypeOf(read.tensors), Object.prototype)
  assert.is(Object.getPrototypeOf(read.metadata), Object.prototype)
  assert.is(({} as Record<string, unknown>).shape, undefined)
})

roundTrip.run()

// --- narrow floats

const widening = suite('safetensors narrow floats')

function read16(dtype: string, halves: number[]): SafetensorsArray {
  const data = new Uint8Array(Uint16Array.from(halves).buffer)
  return readSafetensors(assemble({ w: tensor(dtype, [halves.length], 0, data.length) }, data)).tensors.w!.data
}

/** binary16 by its definition: (-1)^s · 2^(e-15) · (1 + f/1024), with e = 0 for subnormals. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = (bits & 1023) / 1024
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction)
}

widening('every one of the 65,536 halves equals its definition; NaN stays NaN with sign and payload', () => {
  const all = Array.from({ length: 65536 }, (_, i) => i)
  const read = read16('F16', all)
  assert.instance(read, Float32Array)
  const wrong = all.filter((bits) => !Object.is(read[bits], half(bits)))
  assert.equal(wrong, [])
  const nan = bits32(read16('F16', [0x7e00, 0xfd55]))
  assert.equal(nan, [0x7fc00000, 0xffaaa000])
})

widening('bfloat16 is the upper half of float32, to the bit', () => {
  const halves = [0x3f80, 0xbfc0, 0x8000, 0x0001, 0x7f80, 0xffc1]
  assert.equal(
    bits32(read16('BF16', halves)),
    halves.map((bits) => bits * 65536),
  )
})

widening('booleans are bytes', () => {
  const bytes = assemble({ w: tensor('BOOL', [3], 0, 3) }, [1, 0, 1])
  assert.equal(readSafetensors(bytes).tensors.w!.data, Uint8Array.of(1, 0, 1))
})

widening.run()

// --- untrusted files

const refusal = suite('safetensors refusals')

refusal('a file cut at any byte', () => {
  const bytes = writeSafetensors(SAMPLE, { a: 'b' })
  for (let length = 0; length < bytes.length; length++) {
    refuses(() => readSafetensors(bytes.slice(0, length)), /^readSafetensors: /)
  }
})

refusal('a file with bytes behind its end', () => {
  const bytes = writeSafetensors(SAMPLE)
  const longer = new Uint8Array(bytes.length + 1)
  longer.set(bytes)
  refuses(() => readSafetensors(longer), /bytes follow that belong to no tensor/)
})

refusal('any one byte of the header altered gives a refusal or a whole file, never another error', () => {
  const bytes = writeSafetensors(SAMPLE, { a: 'b' })
  const headerEnd = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))
  let refused = 0
  for (let at = 0; at < headerEnd; at++) {
    for (const flip of [0x01, 0x08, 0x80]) {
      const altered = bytes.slice()
      altered[at]! ^= flip
      let file: SafetensorsFile | undefined
      try {
        file = readSafetensors(altered)
      } catch (error) {
        assert.is((error as RetrogradError).code, 'file', `byte ${at}: ${error}`)
        refused++
      }
      const total = Object.values(file?.tensors ?? {}).reduce((sum, { data }) => sum + data.byteLength, 0)
      if (file) assert.ok(total <= 2 * (bytes.length - headerEnd)) // twice: a flip can turn a dtype into F16
    }
  }
  assert.ok(refused > headerEnd)
})

refusal('a header length beyond the file, the limit, or 2^53', () => {
  const header = { w: tensor('U8', [1], 0, 1) }
  const claim = (length: bigint) => () => readSafetensors(assemble(header, [1], length))
  refuses(claim(0n), /header does not begin with '\{'/)
  refuses(claim(90_000_000n), /90000000 bytes, but \d+ follow: the file is cut/)
  refuses(claim(100_000_001n), /100000001 bytes; expected at most 100000000/)
  refuses(claim(2n ** 64n - 1n), /expected at most 100000000/)
  refuses(claim(2n ** 32n + 2n), /expected at most 100000000/)
})

refusal('a header that is no JSON object, or no UTF-8', () => {
  refuses(() => readSafetensors(assemble('[]')), /does not begin/)
  refuses(() => readSafetensors(assemble(' {}')), /does not begin/)
  refuses(() => readSafetensors(assemble('{"w":')), /not valid UTF-8 JSON/)
  refuses(() => readSafetensors(assemble('{} {}')), /not valid UTF-8 JSON/)
  const latin1 = assemble('{"w":{}}')
  latin1[10] = 0xe9
  refuses(() => readSafetensors(latin1), /not valid UTF-8 JSON/)
  refuses(() => readSafetensors(assemble('{"w":'.repeat(200_000))), /not valid UTF-8 JSON/)
  refuses(() => readSafetensors(assemble({ w: [] })), /tensor "w" is \[\]; expected an object/)
  refuses(() => readSafetensors(assemble({ w: null })), /tensor "w" is null; expected an object/)
})

refusal('keys given twice, at the top, inside a tensor, in the metadata, and however they are spelt', () => {
  const one = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
  const twice = /has the key "\w+" twice/
  refuses(() => readSafetensors(assemble(`{"w":${one},"w":${one}}`, [1])), twice)
  refuses(() => readSafetensors(assemble(`{"w":${one},"\\u0077" :${one}}`, [1])), twice)
  refuses(() => readSafetensors(assemble(`{"w":${one.replace('{', '{"dtype":"U8",')}}`, [1])), twice)
  refuses(() => readSafetensors(assemble('{"__metadata__":{"a":"x","a":"y"}}')), twice)
  refuses(() => readSafetensors(assemble('{"__metadata__":{},"__metadata__":{}}')), twice)
  const apart = `{"a":${one},"__metadata__":{"a":"a","\\"a":"{\\"a\\":1,\\"a\\":2}"}}`
  assert.is(readSafetensors(assemble(apart, [1])).metadata['"a'], '{"a":1,"a":2}')
})

refusal('offsets that are negative, turned round, fractional, too few, or beyond the file', () => {
  const offsets = (...data_offsets: unknown[]) => {
    const header = { w: { dtype: 'U8', shape: [1], data_offsets } }
    return () => readSafetensors(assemble(header, [1]))
  }
  refuses(offsets(-1, 0), /data_offsets \[-1,0\]; expected two whole numbers >= 0/)
  refuses(offsets(1, 0), /needs 1 bytes; its data_offsets hold -1/)
  refuses(offsets(0, 1.5), /data_offsets/)
  refuses(offsets(0), /data_offsets/)
  refuses(offsets(0, 1, 2), /data_offsets/)
  refuses(offsets('0', '1'), /data_offsets/)
  refuses(offsets(0, 2 ** 60), /data_offsets/)
  refuses(offsets(1, 2), /leaves a hole/)
  const long = assemble({ w: tensor('U8', [1000], 0, 1000) }, [1])
  refuses(() => readSafetensors(long), /take 1000 bytes, but 1 follow the header: the file is cut/)
})

refusal('tensors that overlap, or leave holes', () => {
  const two = (a: [number, number], b: [number, number], size = 4) => {
    const header = { a: tensor('U8', [a[1] - a[0]], ...a), b: tensor('U8', [b[1] - b[0]], ...b) }
    return () => readSafetensors(assemble(header, new Uint8Array(size)))
  }
  refuses(two([0, 3], [2, 4]), /tensor "b" begins at byte 2 and overlaps the tensor before it; expected 3/)
  refuses(two([0, 4], [0, 4]), /overlaps/)
  refuses(two([0, 4], [2, 2]), /overlaps/)
  refuses(two([0, 1], [2, 4]), /tensor "b" begins at byte 2 and leaves a hole before it; expected 1/)
  refuses(two([1, 2], [2, 4]), /tensor "a" begins at byte 1 and leaves a hole/)
  refuses(two([0, 1], [1, 3]), /take 3 bytes, but 4 follow/)
  assert.equal(Object.keys(two([2, 4], [0, 2])().tensors), ['a', 'b'])
})

refusal('a shape whose product is not the length, or not a number at all', () => {
  const shape = (value: unknown, dtype = 'F32') => {
    return () => readSafetensors(assemble({ w: tensor(dtype, value, 0, 8) }, new Uint8Array(8)))
  }
  assert.is(shape([2])().tensors.w!.data.length, 2)
  refuses(shape([3]), /F32 of \[3\], needs 12 bytes; its data_offsets hold 8/)
  refuses(shape([2], 'F64'), /needs 16 bytes/)
  refuses(shape([]), /needs 4 bytes/)
  refuses(shape([0]), /needs 0 bytes/)
  refuses(shape([-1, -2]), /expected a list of whole numbers/)
  refuses(shape([2.5]), /expected a list of whole numbers/)
  refuses(shape(2), /expected a list of whole numbers/)
  refuses(shape(['2']), /expected a list of whole numbers/)
  refuses(shape(undefined), /shape undefined/)
  refuses(shape([2 ** 53]), /expected a list of whole numbers/)
  refuses(shape([2 ** 40, 2 ** 24]), /needs more than 2\^53 bytes/)
  refuses(shape([2 ** 52, 2 ** 52, 0]), /needs more than 2\^53 bytes/)
  refuses(shape([2 ** 32, 2 ** 32, 2]), /needs more than 2\^53 bytes/)
})

refusal('sizes that are declared but not there, before anything is allocated', () => {
  const huge = 2 ** 45
  const bytes = assemble({ w: tensor('U8', [huge], 0, huge) })
  refuses(() => readSafetensors(bytes), /the file is cut/)
})

refusal('a dtype that it does not know', () => {
  for (const dtype of ['F8_E4M3', 'f32', '', 'toString', 4, null]) {
    const header = { w: { dtype, shape: [1], data_offsets: [0, 1] } }
    refuses(() => readSafetensors(assemble(header, [1])), /tensor "w" has dtype .*; expected one of F64, /)
  }
})

refusal('metadata other than strings', () => {
  const read = (metadata: unknown) => () => readSafetensors(assemble({ __metadata__: metadata }))
  refuses(read({ epoch: 3 }), /__metadata__\["epoch"\] is 3; expected a string/)
  refuses(read({ a: { b: 'c' } }), /expected a string/)
  refuses(read(['a']), /__metadata__ is \["a"\]; expected an object/)
  refuses(read(null), /__metadata__ is null; expected an object/)
})

refusal('arguments that are no file', () => {
  for (const value of [undefined, null, 'text', [1, 2], {}, new Float32Array(4), new DataView(new ArrayBuffer(8))]) {
    refuses(() => readSafetensors(value as Uint8Array), /expected a Uint8Array or an ArrayBuffer/)
  }
})

refusal('to write what the format cannot hold', () => {
  const write = (dict: unknown, metadata?: unknown) => () =>
    writeSafetensors(dict as SafetensorsInput, metadata as Record<string, string>)
  const data = Float32Array.of(1, 2)
  refuses(write({ w: { shape: [3], data } }), /tensor "w" has 2 elements; its shape \[3\] does not say so/)
  refuses(write({ w: { shape: [-2], data } }), /expected a list of whole numbers >= 0/)
  refuses(write({ w: { shape: [2], data: [1, 2] } }), /data \[1,2\]; expected a typed array/)
  refuses(write({ w: { shape: [2], data: new Uint8ClampedArray(2) } }), /data a Uint8ClampedArray/)
  refuses(write({ w: data }), /tensor "w" has data undefined/)
  refuses(write({ w: undefined }), /tensor "w" is undefined; expected an object/)
  refuses(write({ __metadata__: { shape: [2], data } }), /rename it/)
  refuses(write(undefined), /stateDict is undefined; expected an object/)
  refuses(write({}, { epoch: 3 }), /metadata\["epoch"\] is 3; expected a string: use String\(value\)/)
  refuses(write({}, 'x'), /metadata is "x"; expected an object/)
})

refusal.run()
