// Builds the package: the core's variants into build/ (binaries, and those that ship as base64 modules, too), then the
// bindings into dist/. `--core` stops after the core.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { emitDeclarations } from './declarations.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const at = (...parts) => join(root, ...parts)
const require = createRequire(import.meta.url)
const SHIPPED = ['simd', 'relaxed', 'float64']
const ENTRIES = ['index', 'ops', 'io', 'inspect']

function compileCore() {
  mkdirSync(at('build'), { recursive: true })
  const asc = join(dirname(require.resolve('assemblyscript/package.json')), 'bin', 'asc.js')
  for (const target of [...SHIPPED, 'debug'])
    execFileSync(process.execPath, [asc, '--target', target], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  for (const target of SHIPPED) {
    const text = readFileSync(at('build', `${target}.wasm`)).toString('base64')
    writeFileSync(at('build', `${target}.js`), `export default '${text}'\n`)
    writeFileSync(at('build', `${target}.d.ts`), 'declare const binary: string\nexport default binary\n')
  }
}

const shared = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  // all else that is imported by name is bundled: the package has one dependency
  external: ['@assemblyscript/loader'],
  splitting: true,
  legalComments: 'none',
  logLevel: 'warning',
}

/** In the workerd entry the binaries are modules that the host compiles. */
const hostCompiles = {
  name: 'host-compiles-binaries',
  setup(build) {
    build.onResolve({ filter: /\/binaries\.ts$/ }, () => ({ path: at('bindings', 'runtime', 'binaries.workerd.ts') }))
    build.onResolve({ filter: /\.wasm$/ }, ({ path }) => ({ path, external: true }))
  },
}

async function bundle() {
  rmSync(at('dist'), { recursive: true, force: true })
  const entryPoints = ENTRIES.map((name) => at('bindings', `${name}.ts`))
  await build({ ...shared, entryPoints, outdir: at('dist') })
  await build({ ...shared, entryPoints, outdir: at('dist', 'workerd'), plugins: [hostCompiles] })
  for (const variant of ['simd', 'float64'])
    copyFileSync(at('build', `${variant}.wasm`), at('dist', 'workerd', `${variant}.wasm`))
  await build({
    ...shared,
    splitting: false,
    entryPoints: [at('bindings', 'cli.ts')],
    outfile: at('dist', 'cli.js'),
    platform: 'node',
    banner: { js: '#!/usr/bin/env node' },
  })
  emitDeclarations(ENTRIES)
}

compileCore()
if (!process.argv.includes('--core')) await bundle()
