/**
 * Where the core's binaries come from: inline, in a module of their own each, loaded when asked for. The workerd
 * entry is built with binaries.workerd.ts in this file's place, since that host compiles no bytes.
 */
export type Variant = 'simd' | 'relaxed' | 'float64'

/** The variants that this entry ships, best first. */
export const SHIPPED: readonly Variant[] = ['relaxed', 'simd', 'float64']

/** The binary as base64 text (here) or as a compiled module (workerd). */
export async function loadBinary(variant: Variant): Promise<string | object> {
  switch (variant) {
    case 'relaxed':
      return (await import('../../build/relaxed.js')).default
    case 'float64':
      return (await import('../../build/float64.js')).default
    case 'simd':
      return (await import('../../build/simd.js')).default
  }
}

/** Does the host compile relaxed SIMD? A module with one i8x16.relaxed_swizzle, the proposal's own feature test. */
export function hostRunsRelaxed(validate: (bytes: Uint8Array<ArrayBuffer>) => boolean): boolean {
  const probe = [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15,
    253, 128, 2, 11,
  ]
  return validate(new Uint8Array(probe))
}
