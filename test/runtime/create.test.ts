import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRuntime } from '../../bindings/index.ts'

const binaries = suite('createRuntime')
const bytes = readFileSync(new URL('../../build/float64.wasm', import.meta.url))
const sources: Record<string, () => object | string> = {
  bytes: () => bytes,
  'a compiled module': () => new WebAssembly.Module(bytes),
  'a response': () => new Response(bytes),
  'an address': () => `data:application/wasm;base64,${bytes.toString('base64')}`,
  'a URL': () => new URL(`data:application/wasm;base64,${bytes.toString('base64')}`),
}
for (const [name, wasm] of Object.entries(sources)) {
  binaries(`takes ${name} and reads dtype and variant from it`, async () => {
    const runtime = await createRuntime({ wasm: wasm() })
    assert.equal([runtime.dtype, runtime.variant], ['float64', 'simd'])
  })
}
binaries('float32 and seed 0 are the defaults', async () => {
  const runtime = await createRuntime()
  assert.equal([runtime.dtype, runtime.seed], ['float32', 0])
})
binaries.run()
