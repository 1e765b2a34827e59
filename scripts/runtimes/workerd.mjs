/** workerd, which compiles no bytes: the package's `workerd` condition imports its binaries as modules. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { expectLinux, installRuntime, printResult, readResult, run } from './tools.mjs'

const WORKERD = 'workerd@1.20261117.1'

/** @param app the folder where the package is installed, with train-few-steps.mjs in it */
export async function inWorkerd({ app, tools }) {
  expectLinux('workerd')
  const modules = await installRuntime(join(tools, 'workerd'), WORKERD)
  const workerd = join(modules, '@cloudflare/workerd-linux-64/bin/workerd')
  const folder = join(app, 'workerd')
  await bundle(app, folder)
  writeFileSync(join(folder, 'config.capnp'), configOf(readdirSync(folder)))
  const version = (await run(workerd, ['--version'])).trim().replace(/^workerd /, '')
  return { ...readResult(await run(workerd, ['test', 'config.capnp'], { cwd: folder })), version }
}

/** One module, and the binaries beside it. */
async function bundle(app, folder) {
  mkdirSync(folder, { recursive: true })
  const entry = join(app, 'worker.mjs')
  writeFileSync(
    entry,
    `import * as retrograd from 'retrograd'
import { trainFewSteps } from './train-few-steps.mjs'
export default {
  async test() {
    ${printResult('await trainFewSteps(retrograd)')}
  },
}
`,
  )
  await build({
    entryPoints: [entry],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd'],
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
    absWorkingDir: app,
    logLevel: 'silent',
  })
}

function configOf(files) {
  const binaries = files.filter((name) => name.endsWith('.wasm'))
  const modules = [
    '(name = "worker.js", esModule = embed "worker.js")',
    ...binaries.map((name) => `(name = "${name}", wasm = embed "${name}")`),
  ]
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .worker)]);
const worker :Workerd.Worker = (
  compatibilityDate = "2025-01-01",
  modules = [${modules.join(', ')}],
);
`
}
