/** How much does a browser download? */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { Context } from './support/context.ts'

const TARGET_KB = 40

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))
const gzipKb = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length / 1024

export async function run({ report }: Context): Promise<void> {
  const add = (name: string, value: number, rest = {}) =>
    report.add({ bench: 'sizes', name, value, unit: 'KB', ...rest })
  for (const variant of ['simd', 'relaxed', 'float64']) {
    const kb = gzipKb(readFileSync(path(`build/${variant}.wasm`)))
    const target = { reached: kb, bound: TARGET_KB, sense: 'at most' }
    add(`build/${variant}.wasm, gzip`, kb, variant === 'simd' ? { target } : {})
  }
  if (!existsSync(path('dist/index.js'))) throw new Error('sizes: dist/index.js is missing; run `npm run build` first')
  const files = await bundle()
  const variants = Object.keys(files).filter((name) => /^(simd|relaxed|float64)/.test(name))
  const script = sum(Object.entries(files).filter(([name]) => !variants.includes(name)))
  add('browser bundle without a binary, gzip', script)
  for (const name of variants) add(`browser bundle with ${name.split('-')[0]}, gzip`, script + files[name]!)
}

const sum = (files: readonly (readonly [string, number])[]): number => files.reduce((total, [, kb]) => total + kb, 0)

/** The package as a page would bundle it: minified, each binary in a file of its own. Sizes in KB, gzip. */
async function bundle(): Promise<Record<string, number>> {
  const { outputFiles } = await build({
    entryPoints: [path('dist/index.js')], bundle: true, minify: true, splitting: true, format: 'esm', platform: 'browser',
    target: 'es2022', outdir: path('build/bench'), write: false,
  }) // prettier-ignore
  return Object.fromEntries(outputFiles.map(({ path: file, contents }) => [file.split('/').at(-1)!, gzipKb(contents)]))
}
