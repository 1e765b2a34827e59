/** The workerd entry's binaries: modules that the host compiles when it loads the worker. Strict variants only. */
// @ts-expect-error: the host makes a WebAssembly.Module of it
import float64 from './float64.wasm'
// @ts-expect-error: the host makes a WebAssembly.Module of it
import simd from './simd.wasm'
import type { Variant } from './binaries.ts'

export const SHIPPED: readonly Variant[] = ['simd', 'float64']

export async function loadBinary(variant: Variant): Promise<string | object> {
  return variant === 'float64' ? float64 : simd
}

export const hostRunsRelaxed = (): boolean => false
