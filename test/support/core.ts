/** Single kernels of the core for tests: one synchronous instance per variant, memory without an owner. */
import { readFileSync } from 'node:fs'
import { LINK } from '../../bindings/program/format.ts'

export type CoreVariant = 'simd' | 'float64' | 'debug' | 'relaxed'
export type Numbers = Float32Array | Float64Array

export interface TestCore {
  readonly exports: Record<string, (...args: number[]) => number>
  readonly memory: WebAssembly.Memory
  /** First byte that tests may use. */
  readonly heap: number
  readonly elementBytes: number
}

const cores = new Map<CoreVariant, TestCore>()

export function loadCore(variant: CoreVariant): TestCore {
  const known = cores.get(variant)
  if (known) return known
  const file = new URL(`../../build/${variant}.wasm`, import.meta.url)
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), {
    env: {
      abort: () => {
        throw new Error('assertion failed in the core')
      },
    },
  })
  const globals = exports as Record<string, WebAssembly.Global>
  const core = {
    exports: exports as TestCore['exports'],
    memory: exports['memory'] as WebAssembly.Memory,
    heap: Math.ceil(globals['HEAP_BASE']!.value / 64) * 64,
    elementBytes: globals['ELEMENT_BYTES']!.value as number,
  }
  cores.set(variant, core)
  return core
}

/** Views of `counts` elements each, one after the other from the heap's start, each with a vector of slack. */
export function arrays(core: TestCore, ...counts: number[]): { data: Numbers; address: number }[] {
  const ArrayType = core.elementBytes === 8 ? Float64Array : Float32Array
  const places = counts.map(() => 0)
  let end = core.heap
  for (const [i, count] of counts.entries()) {
    places[i] = end
    end += Math.ceil((count * core.elementBytes + 64) / 64) * 64
  }
  const missing = end - core.memory.buffer.byteLength
  if (missing > 0) core.memory.grow(Math.ceil(missing / 65536))
  return places.map((address, i) => ({ address, data: new ArrayType(core.memory.buffer, address, counts[i]) }))
}

/** One elementwise operation of the core applied to an array. */
export function applyUnary<A extends Numbers>(variant: CoreVariant, name: string, input: A): A {
  const core = loadCore(variant)
  const padded = Math.ceil(input.length / 4) * 4
  const [x, y] = arrays(core, padded, padded)
  x!.data.set(input)
  core.exports['applyUnary']!(LINK[name.toUpperCase() as keyof typeof LINK], padded, 0, x!.address, y!.address)
  return y!.data.slice(0, input.length) as A
}
