/**
 * npm run bench:peers -- [--quick] [--peer name]… [L1 … L6]
 * How do we stand beside what people would use instead? Each peer runs in a process of its own; all are checked against
 * us, warmed, and then sampled in turn, round by round, one at a time, so that a ratio is the median of the rounds' ratios.
 */
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { hostRelaxes } from '../support/variant.ts'
import { median } from '../support/measure.ts'
import { environment } from '../support/report.ts'
import { disagreement } from './agree.ts'
import { installPackages } from './packages.ts'
import { type Key, Unavailable } from './peer.ts'
import { KEYS, OURS, ROWS, type Row, SHAPES } from './rows.ts'
import { Session } from './session.ts'
import { type Cell, type Results, printTable, printTargets, save } from './table.ts'

interface Effort {
  readonly rounds: number
  readonly seconds: number
  readonly warmSeconds: number
}
const FULL: Effort = { rounds: 15, seconds: 0.2, warmSeconds: 3 }
const QUICK: Effort = { rounds: 3, seconds: 0.05, warmSeconds: 0.5 }

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, peer: { type: 'string', multiple: true } },
  allowPositionals: true,
})
const keys = positionals.length > 0 ? positionals.map(known) : KEYS
const rows = ROWS.filter(({ name }) => name === OURS.name || (values.peer?.some((part) => name.includes(part)) ?? true))
const effort = values.quick ? QUICK : FULL

function known(name: string): Key {
  if (!KEYS.includes(name as Key)) throw new Error(`no workload is called ${name}; there are ${KEYS.join(', ')}`)
  return name as Key
}

/** A peer of one workload, from its start to its last sample. */
interface Contestant {
  readonly row: Row
  readonly session: Session
  readonly seconds: number[]
  readonly cpu: number[]
  problem?: string
}

async function runWorkload(key: Key): Promise<Record<string, Cell>> {
  const contestants = rows.filter(({ workloads }) => workloads.includes(key)).map((row) => enter(row, key))
  for (const contestant of contestants)
    await attempt(contestant, async () => {
      await check(contestant, key)
      await contestant.session.sample(effort.warmSeconds)
    })
  for (let round = 0; round < effort.rounds; round++)
    for (const contestant of contestants) await attempt(contestant, () => takeSample(contestant))
  for (const { session } of contestants) session.close()
  return Object.fromEntries(contestants.map((contestant) => [contestant.row.name, cellOf(contestant, contestants[0]!)]))
}

const enter = (row: Row, key: Key): Contestant => ({
  row,
  session: new Session(row, key, SHAPES[key]),
  seconds: [],
  cpu: [],
})

/** A peer that fails is out; the others go on. */
async function attempt(contestant: Contestant, action: () => Promise<void>): Promise<void> {
  if (contestant.problem) return
  try {
    await action()
  } catch (error) {
    const { row, session } = contestant
    session.close()
    if (row === OURS) throw error
    contestant.problem = `${error instanceof Unavailable ? 'skipped' : 'failed'}: ${(error as Error).message}`
    console.log(`  ${row.name} ${contestant.problem}`)
  }
}

/** Prepares the peer and throws unless it computes what we compute. */
async function check({ row, session }: Contestant, key: Key): Promise<void> {
  const form = row.forms?.[key] ?? {}
  const { values: theirs } = await session.prepare(form)
  if (row === OURS || theirs === undefined) return
  const reference = new Session(OURS, key, SHAPES[key])
  try {
    const { values: ours } = await reference.prepare(form)
    const problem = disagreement(SHAPES[key], theirs, ours!)
    if (problem) throw new Error(problem)
  } finally {
    reference.close()
  }
}

async function takeSample(contestant: Contestant): Promise<void> {
  const { seconds, cpu } = await contestant.session.sample(effort.seconds)
  contestant.seconds.push(seconds)
  contestant.cpu.push(cpu)
}

function cellOf({ problem, seconds, cpu }: Contestant, ours: Contestant): Cell {
  if (problem) return { problem }
  const ratio = (theirs: readonly number[], of: readonly number[]) => median(theirs.map((s, i) => s / of[i]!))
  const ratios = { ratio: ratio(seconds, ours.seconds), cpuRatio: ratio(cpu, ours.cpu) }
  return { timing: { seconds: median(seconds), ...ratios, rounds: seconds } }
}

installPackages()
const about = { ...environment(hostRelaxes() ? 'relaxed' : 'simd', values.quick), rounds: effort.rounds, threads: 1 }
for (const [name, value] of Object.entries(about)) console.log(`${name.padEnd(8)} ${value}`)
const results: Results = {}
for (const key of keys) {
  console.log(`${SHAPES[key].name} …`)
  results[key] = await runWorkload(key)
}
printTable(rows, results)
printTargets(results)
console.log(`\nload at the end ${loadavg()[0]!.toFixed(1)}: above ${cpus().length} the figures are disturbed`)
console.log(`kept in ${save(about, results)}`)
