/** A runtime for each binary, the debug one with its assertions included; the relaxed one where the host runs it. */
import { readFileSync } from 'node:fs'
import { type Runtime, createRuntime } from '../../bindings/index.ts'
import { hostRunsRelaxed } from '../../bindings/runtime/binaries.ts'

const NAMES = ['simd', 'relaxed', 'float64', 'debug'] as const

/** To be awaited before the first suite: uvu starts its queue at the first await after one. */
export async function createBinaries(): Promise<{ name: string; runtime: Runtime }[]> {
  const names = NAMES.filter(
    (name) => name !== 'relaxed' || hostRunsRelaxed((bytes) => WebAssembly.validate(bytes as BufferSource)),
  )
  return Promise.all(
    names.map(async (name) => {
      const wasm = readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url))
      return { name, runtime: await createRuntime({ wasm, seed: 1 }) }
    }),
  )
}
