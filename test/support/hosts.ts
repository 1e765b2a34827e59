/** The variants that fixtures are compared in, and suites that skip by name what the host cannot run. */
import { suite } from 'uvu'
import { type Runtime, createRuntime } from '../../bindings/index.ts'
import type { DType } from './tolerance.ts'

/** (func (param v128 v128 v128) (result v128) f32x4.relaxed_madd) as a module. */
const RELAXED_MADD = Uint8Array.from(
  Buffer.from('0061736d01000000' + '01080160037b7b7b017b' + '03020100' + '0a0d010b00200020012002fd85020b', 'hex'),
)

const HOSTS = [
  { label: 'float64', dtype: 'float64', supported: true },
  { label: 'float32, simd', dtype: 'float32', variant: 'simd', supported: true },
  {
    label: 'float32, relaxed',
    dtype: 'float32',
    variant: 'relaxed',
    supported: WebAssembly.validate(RELAXED_MADD),
  },
] as const

export interface Host {
  label: string
  dtype: DType
  rt?: Runtime
}

/** To be awaited before the first suite runs: uvu starts its queue at the first await after one. */
export function createHosts(): Promise<Host[]> {
  return Promise.all(
    HOSTS.map(async ({ label, supported, ...options }) =>
      supported ? { label, dtype: options.dtype, rt: await createRuntime(options) } : { label, dtype: options.dtype },
    ),
  )
}

/** A suite with one test per case; where the host cannot run the variant all are skipped, and the title says so. */
export function claim<C extends { title: string }>(
  title: string,
  host: Host,
  cases: C[],
  check: (rt: Runtime, c: C) => void,
): void {
  const test = suite(`${title} (${host.label}${host.rt ? '' : ': skipped, the host cannot run it'})`)
  for (const c of cases) {
    if (host.rt) test(c.title, () => check(host.rt as Runtime, c))
    else test.skip(c.title)
  }
  test.run()
}
