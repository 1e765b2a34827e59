/** Single kernels of the core for tests: synchronous, one instance per variant. Temporary, to be replaced. */
import { readFileSync } from 'node:fs'

type Variant = 'simd' | 'float64' | 'debug' | 'relaxed'
type Kernel = (...args: number[]) => number

const CODES = { exp: 8, expm1: 9, log: 10, tanh: 11, sigmoid: 12, softplus: 14, sin: 15, cos: 16 }
const cores = new Map<Variant, { exports: Record<string, Kernel>; memory: WebAssembly.Memory; heap: number }>()

export function loadCore(variant: Variant) {
  const known = cores.get(variant)
  if (known) return known
  const file = `${process.env.CORE_DIR ?? 'build'}/${variant}.wasm`
  const exports = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), { env: { abort() {} } }).exports as any
  const core = { exports, memory: exports.memory as WebAssembly.Memory, heap: 1 << 19 }
  cores.set(variant, core)
  return core
}

export function applyUnary<A extends Float32Array | Float64Array>(variant: Variant, name: keyof typeof CODES, input: A): A {
  const { exports, memory, heap } = loadCore(variant)
  const padded = Math.ceil(input.length / 4) * 4
  const bytes = padded * input.BYTES_PER_ELEMENT
  if (heap + 2 * bytes > memory.buffer.byteLength)
    memory.grow(Math.ceil((heap + 2 * bytes - memory.buffer.byteLength) / 65536))
  const ArrayType = input.constructor as any
  new ArrayType(memory.buffer, heap, padded).set(input)
  exports.applyUnary(CODES[name], padded, heap, heap + bytes)
  return new ArrayType(memory.buffer, heap + bytes, input.length).slice()
}
