/** Which binary is benched. */
import { hostRunsRelaxed } from '../../bindings/runtime/binaries.ts'

export const hostRelaxes = (): boolean => hostRunsRelaxed((bytes) => WebAssembly.validate(bytes))

export function chooseVariant(wanted: string): 'simd' | 'relaxed' {
  if (!['auto', 'simd', 'relaxed'].includes(wanted))
    throw new Error(`--variant is ${wanted}; expected auto, simd or relaxed`)
  const canRelax = hostRelaxes()
  if (wanted === 'relaxed' && !canRelax) throw new Error('--variant relaxed: this host does not compile relaxed SIMD')
  return wanted === 'simd' || !canRelax ? 'simd' : 'relaxed'
}
