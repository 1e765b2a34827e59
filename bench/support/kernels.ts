/** The bench's own kernels (bench/kernels): what this machine's registers and caches allow, in WebAssembly. */
import { mkdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const SOURCES = fileURLToPath(new URL('../kernels', import.meta.url))
const BUILD = fileURLToPath(new URL('../../build/bench', import.meta.url))
const FEATURES = ['simd', 'bulk-memory', 'sign-extension', 'mutable-globals', 'nontrapping-f2i']
const PAGE = 65536

/** The largest buffer that `read` is asked for, in pages. */
const PAGES = 512

export interface Kernels {
  readonly flopsPerRound: number
  /** Multiplies and adds in registers: 12 independent accumulators. */
  ceiling(rounds: number): number
  /** Reads `bytes` bytes, `passes` times; a whole number of 128. */
  read(bytes: number, passes: number): number
}

interface Exports {
  readonly memory: WebAssembly.Memory
  readonly FLOPS_PER_ROUND: WebAssembly.Global
  readonly __heap_base: WebAssembly.Global
  ceiling(rounds: number, x: number, y: number): number
  read(start: number, bytes: number, passes: number): number
}

/** Compiles the kernels; `relaxed` takes relaxed_madd where `simd` multiplies and adds. */
export async function compileKernels(variant: 'simd' | 'relaxed'): Promise<Kernels> {
  mkdirSync(BUILD, { recursive: true })
  const outFile = `${BUILD}/kernels-${variant}.wasm`
  const features = variant === 'relaxed' ? [...FEATURES, 'relaxed-simd'] : FEATURES
  const enable = features.flatMap((feature) => ['--enable', feature])
  // baseDir keeps the core's asconfig.json out
  const options = ['--baseDir', SOURCES, '--outFile', outFile, '--runtime', 'stub', '--exportRuntime']
  const { error, stderr } = await asc.main([
    'ceiling.ts', 'read.ts', ...options, '-O3', '--noAssert', '--initialMemory', `${PAGES}`, '--use', 'abort=', ...enable,
  ]) // prettier-ignore
  if (error) throw new Error(`bench/kernels: ${error.message}\n${stderr.toString()}`)
  return instance(readFileSync(outFile))
}

function instance(binary: Uint8Array<ArrayBuffer>): Kernels {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), {})
  const { memory, FLOPS_PER_ROUND, ceiling, read } = exports as unknown as Exports
  new Uint8Array(memory.buffer).fill(0x5a)
  return {
    flopsPerRound: FLOPS_PER_ROUND.value as number,
    ceiling: (rounds) => ceiling(rounds, 0.999, 0.001),
    read: (bytes, passes) => read(PAGE, bytes, passes),
  }
}
