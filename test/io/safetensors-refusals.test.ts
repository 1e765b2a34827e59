/** Files that are not to be trusted, and what the format cannot hold. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RetrogradError } from '../../bindings/index.ts'
import { readSafetensors, writeSafetensors } from '../../bindings/io.ts'
import type { SafetensorsFile, SafetensorsInput } from '../../bindings/io.ts'
import { SAMPLE, assemble, tensor } from '../support/safetensors.ts'

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

refusal(
  'a tensor without elements whose other sizes no memory holds, wherever the 0 stands; what is refused is not written',
  () => {
    const read = (shape: number[], dtype = 'U8') => {
      return () => readSafetensors(assemble({ w: tensor(dtype, shape, 0, 0) })).tensors
    }
    const write = (shape: number[]) => () => writeSafetensors({ w: { shape, data: new Uint8Array(0) } })
    for (const shape of [
      [0, 1e15],
      [1e15, 0],
      [2 ** 17, 0, 2 ** 17],
      [2 ** 32 + 1, 0],
      [0, 0, 2 ** 33],
    ]) {
      refuses(read(shape), /sizes beside 0 that come to at most 2\^32 bytes/)
      refuses(write(shape), /sizes beside 0 that come to at most 2\^32 bytes/)
    }
    refuses(read([0, 2 ** 52, 2 ** 52]), /needs more than 2\^53 bytes|at most 2\^32/)
    refuses(read([0, 2 ** 31], 'F32'), /at most 2\^32 bytes/)
    for (const shape of [[0, 2 ** 32], [2 ** 16, 0, 2 ** 16], [0], [0, 0]]) {
      assert.equal(read(shape)().w!.shape, shape)
      assert.equal(readSafetensors(write(shape)()).tensors.w!.shape, shape)
    }
  },
)

refusal('a header that is nested without end, closed or not, where a tensor or where nothing should be', () => {
  const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  for (const depth of [33, 1000, 1_000_000]) {
    refuses(() => readSafetensors(assemble(`{"w":${deep(depth)}}`)), /nested deeper than 32|not valid UTF-8 JSON/)
    const stray = `{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"more":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}}`
    refuses(() => readSafetensors(assemble(stray)), /nested deeper than 32|not valid UTF-8 JSON/)
  }
  const legal = `{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"more":${deep(30)}}}`
  assert.equal(Object.keys(readSafetensors(assemble(legal)).tensors), ['w'])
})

refusal('sizes that are declared but not there, before anything is allocated', () => {
  const huge = 2 ** 45
  const bytes = assemble({ w: tensor('U8', [huge], 0, huge) })
  refuses(() => readSafetensors(bytes), /the file is cut/)
})

refusal('a dtype that it does not know', () => {
  for (const dtype of ['F8_E8M0', 'F4', 'f32', '', 'toString', 4, null]) {
    const header = { w: { dtype, shape: [1], data_offsets: [0, 1] } }
    refuses(() => readSafetensors(assemble(header, [1])), /tensor "w" has dtype .*; expected one of F64, /)
  }
})

refusal('metadata other than strings', () => {
  const read = (metadata: unknown) => () => readSafetensors(assemble({ __metadata__: metadata }))
  refuses(read({ epoch: 3 }), /__metadata__\["epoch"\] is 3; expected a string/)
  refuses(read({ a: { b: 'c' } }), /expected a string/)
  refuses(read(['a']), /__metadata__ is \["a"\]; expected an object/)
  refuses(read('a'), /__metadata__ is "a"; expected an object/)
  assert.equal(read(null)(), { tensors: {}, metadata: {} })
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
  refuses(write({ w: data }), /tensor "w" is a \w+; expected an object/)
  refuses(write({ w: undefined }), /tensor "w" is undefined; expected an object/)
  refuses(write({ __metadata__: { shape: [2], data } }), /rename it/)
  refuses(write(undefined), /stateDict is undefined; expected an object/)
  refuses(write({}, { epoch: 3 }), /metadata\["epoch"\] is 3; expected a string: use String\(value\)/)
  refuses(write({}, 'x'), /metadata is "x"; expected an object/)
})

refusal.run()
