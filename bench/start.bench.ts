/** How long does the built package take to its first result, in a process of its own, beyond an empty Node? */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Context } from './support/context.ts'
import { type Timing, median, spreadOf } from './support/measure.ts'

const TARGET_MS = 25
const [RUNS, QUICK_RUNS] = [31, 15]

const script = (name: string): string => fileURLToPath(new URL(`start/${name}.mjs`, import.meta.url))

export function run({ quick, report, variant }: Context): void {
  const dist = fileURLToPath(new URL('../dist/index.js', import.meta.url))
  if (!existsSync(dist)) throw new Error('start: dist/index.js is missing; run `npm run build` first')
  const runs = quick ? QUICK_RUNS : RUNS
  const [empty, first, parts] = [[] as number[], [] as number[], [] as number[][]]
  for (let i = -1; i < runs; i++) {
    const [plain, own] = [launch('empty', variant), launch('first-result', variant)]
    if (i < 0) continue // the first pair reads files that the disk cache then holds
    empty.push(plain.ms)
    first.push(own.ms)
    parts.push(JSON.parse(own.text))
  }
  const extra = first.map((ms, i) => ms - empty[i]!)
  const ms = median(extra)
  report.addTime('start', 'empty Node process', timing(empty))
  report.addTime('start', 'process with a first result', timing(first))
  for (const [i, what] of ['import', 'createRuntime', 'first forward'].entries()) {
    report.addTime('start', `within it: ${what}`, timing(parts.map((part) => part[i]!)))
  }
  report.addTime('start', 'first result beyond empty Node', timing(extra), {
    target: { reached: ms, bound: TARGET_MS, sense: 'at most' },
  })
}

function launch(name: string, variant: string): { ms: number; text: string } {
  const start = performance.now()
  const { status, stdout, stderr } = spawnSync(process.execPath, [script(name), variant], { encoding: 'utf8' })
  const ms = performance.now() - start
  if (status !== 0) throw new Error(`start: ${name} ended with ${status}: ${stderr}`)
  return { ms, text: stdout }
}

function timing(ms: readonly number[]): Timing {
  return { seconds: median(ms) / 1e3, spread: spreadOf(ms), rounds: ms.map((x) => x / 1e3) }
}
