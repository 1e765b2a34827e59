/**
 * Runs every *.test.ts below test/, or the files named on the command line and those below the folders named there, each
 * in a Node process of its own.
 *
 * uvu leaves with code 0 when no test ran, when a `before` hook threw, and when a file dies quietly before its
 * run; so the verdict is drawn from the totals that uvu prints and from the exit code together.
 */
import { spawn } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const WORKERS = Math.min(2, availableParallelism())
const TIMEOUT_MS = 15 * 60_000 // a file that hangs is a failure, not a lost CI run

const named = process.argv.slice(2)
const unknown = named.find((name) => name.startsWith('-'))
if (unknown) {
  console.error(`test: unknown option ${unknown}; expected names of test files and folders`)
  process.exit(2)
}
const files = [...new Set((named.length > 0 ? named : ['test']).flatMap(filesOf))]
const results = await runAll(files)
const sum = (key) => results.reduce((total, result) => total + result[key], 0)
const failures = results.filter(({ failed }) => failed > 0)
if (failures.length > 0) console.log(`\nFailed: ${failures.map(({ file }) => file).join(', ')}`)
if (sum('passed') === 0) console.log('\nNo test passed.')
process.exitCode = failures.length === 0 && sum('passed') > 0 ? 0 : 1
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)

/** The test files below a folder, in order; what is no folder, or one without any, stands for itself, and fails where it holds no test. */
function filesOf(name) {
  if (!statSync(resolve(ROOT, name), { throwIfNoEntry: false })?.isDirectory()) return [name]
  const below = readdirSync(resolve(ROOT, name), { recursive: true }).filter((path) => path.endsWith('.test.ts'))
  return below.length > 0 ? below.sort().map((path) => join(name, path)) : [name]
}

/** Keeps WORKERS processes busy; results come in the order of `files`. */
async function runAll(files) {
  const results = []
  let next = 0
  const worker = async () => {
    while (next < files.length) {
      const index = next++
      results[index] = await runFile(files[index])
      report(results[index])
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, worker))
  return results
}

async function runFile(file) {
  const started = performance.now()
  const { stdout, stderr, ending } = await runChild(file)
  const seconds = (performance.now() - started) / 1000
  return { file, seconds, output: stdout + stderr, ...judge(stdout, ending) }
}

function runChild(file) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', '--expose-gc', file], {
      cwd: ROOT,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    child.on('error', (error) => resolve({ stdout, stderr, ending: `did not start: ${error.message}` }))
    child.on('close', (code, signal) => resolve({ stdout, stderr, ending: describeEnding(code, signal) }))
  })
}

/** What was wrong with the way the process ended, or undefined. */
function describeEnding(code, signal) {
  if (signal) return `was ended by ${signal} (limit: ${TIMEOUT_MS / 60_000} minutes)`
  return code === 0 ? undefined : `left with code ${code}`
}

/** Counts from uvu's closing lines; a fault beyond the failed tests themselves counts as one failure more. */
function judge(stdout, ending) {
  const total = uvuSum(stdout, 'Total')
  const passed = uvuSum(stdout, 'Passed')
  const skipped = uvuSum(stdout, 'Skipped')
  const faults = []
  // uvu prints one line of totals for one queue; a second queue means that a file awaited between its suites
  const queues = [...stdout.matchAll(/^\s*Total:/gm)].length
  if (queues > 1) faults.push('uvu started its queue more than once: await nothing between suites')
  if (total + skipped === 0) faults.push(`no test ran${ending ? `: it ${ending}` : ''}`)
  else if (ending && passed === total) faults.push(`every test passed, but it ${ending}`)
  return { passed, skipped, faults, failed: total - passed + faults.length }
}

/** A file prints several closing blocks when it awaits between its suites' `run()` calls. */
function uvuSum(stdout, label) {
  const lines = stdout.matchAll(new RegExp(`^  ${label}: +(\\d+)$`, 'gm'))
  return [...lines].reduce((total, [, count]) => total + Number(count), 0)
}

function report({ file, seconds, output, passed, failed, skipped, faults }) {
  const counts = `${passed} passed${failed ? `, ${failed} failed` : ''}${skipped ? `, ${skipped} skipped` : ''}`
  console.log(`${failed ? 'FAIL' : 'ok  '} ${file}: ${counts} (${seconds.toFixed(1)} s)`)
  if (failed === 0) return
  for (const fault of faults) console.log(`     ${file}: ${fault}`)
  console.log(output.replace(/^/gm, '     | ').trimEnd())
}
