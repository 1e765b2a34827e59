/** The format, what it keeps, and what it widens. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readSafetensors, writeSafetensors } from '../../bindings/io.ts'
import type { SafetensorsArray, SafetensorsInput } from '../../bindings/io.ts'
import { SAMPLE, assemble, bits32, bytesOf, tensor } from '../support/safetensors.ts'

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

function read8(dtype: string): SafetensorsArray {
  const data = Uint8Array.from({ length: 256 }, (_, code) => code)
  return readSafetensors(assemble({ w: tensor(dtype, [256], 0, 256) }, data)).tensors.w!.data
}

/** A small float by its definition: (-1)^s · 2^(e - bias) · (1 + f), with e = 0 for subnormals. */
function small(code: number, fractionBits: number, bias: number): number {
  const steps = 2 ** fractionBits
  const exponent = Math.floor((code % 128) / steps)
  const fraction = (code % steps) / steps
  const size = exponent === 0 ? 2 ** (1 - bias) * fraction : 2 ** (exponent - bias) * (1 + fraction)
  return code >= 128 ? -size : size
}

widening('every code of float8 E4M3 equals its definition: no infinities, NaN of either sign, at most 448', () => {
  const read = read8('F8_E4M3')
  assert.instance(read, Float32Array)
  const expected = Array.from({ length: 256 }, (_, code) => (code % 128 === 127 ? NaN : small(code, 3, 7)))
  assert.equal(
    expected.flatMap((value, code) => (Object.is(read[code], value) ? [] : [code])),
    [],
  )
  assert.equal([read[0x7e], read[0xfe], read[0x01], read[0x38]], [448, -448, 2 ** -9, 1])
  assert.equal(bits32(read)[0x7f], 0x7fc00000)
  assert.equal(bits32(read)[0xff], 0xffc00000)
})

widening(
  'every code of float8 E5M2 equals its definition: infinities, three NaN of either sign, else at most 57344',
  () => {
    const read = read8('F8_E5M2')
    assert.instance(read, Float32Array)
    const expected = Array.from({ length: 256 }, (_, code) => {
      if (code % 128 === 0x7c) return code < 128 ? Infinity : -Infinity
      return code % 128 > 0x7c ? NaN : small(code, 2, 15)
    })
    assert.equal(
      expected.flatMap((value, code) => (Object.is(read[code], value) ? [] : [code])),
      [],
    )
    assert.equal([read[0x7b], read[0xfb], read[0x01], read[0x3c]], [57344, -57344, 2 ** -16, 1])
  },
)

widening('booleans are bytes', () => {
  const bytes = assemble({ w: tensor('BOOL', [3], 0, 3) }, [1, 0, 1])
  assert.equal(readSafetensors(bytes).tensors.w!.data, Uint8Array.of(1, 0, 1))
})

widening.run()
