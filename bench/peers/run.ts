/**
 * npm run bench:peers -- [--quick] [--peer name]… [L1 … L6]
 * How do we stand beside what people would use instead? Each peer is checked against us in a contest (support/contest.ts).
 */
import { parseArgs } from 'node:util'
import { chosen } from '../support/command.ts'
import { type ContestEffort, type Results, contest } from '../support/contest.ts'
import { announce, keep } from '../support/environment.ts'
import { Session } from '../support/session.ts'
import { hostRelaxes } from '../support/variant.ts'
import { expectAgreement } from './agree.ts'
import { installPackages } from './packages.ts'
import type { Key } from './peer.ts'
import { KEYS, OURS, ROWS, type Row, SHAPES } from './rows.ts'
import { type ByWorkload, printTable, printTargets } from './table.ts'

const FULL: ContestEffort = { rounds: 15, seconds: 0.2, warmSeconds: 3 }
const QUICK: ContestEffort = { rounds: 3, seconds: 0.05, warmSeconds: 0.5 }

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, peer: { type: 'string', multiple: true } },
  allowPositionals: true,
})
const keys = chosen('workload', positionals, KEYS)
const rows = ROWS.filter(({ name }) => name === OURS.name || (values.peer?.some((part) => name.includes(part)) ?? true))
const effort = values.quick ? QUICK : FULL

async function runWorkload(key: Key): Promise<Results> {
  const entrants = rows.filter(({ workloads }) => workloads.includes(key))
  const prepare = (session: Session, row: Row) => prepareAndCheck(session, row, key)
  const results = await contest(entrants, { key, workload: SHAPES[key], effort, prepare })
  for (const [name, { problem }] of Object.entries(results)) if (problem) console.log(`  ${name} ${problem}`)
  return results
}

/** Where a peer's net is not ours to the letter, another process of ours computes what it should. */
async function prepareAndCheck(session: Session, row: Row, key: Key): Promise<void> {
  const form = row.forms?.[key] ?? {}
  const { values: theirs } = await session.prepare(form)
  if (row === OURS || theirs === undefined) return
  const reference = new Session(OURS, key, SHAPES[key])
  try {
    const { values: ours } = await reference.prepare(form)
    expectAgreement(SHAPES[key], theirs, ours!)
  } finally {
    reference.close()
  }
}

installPackages()
const others = { rounds: effort.rounds, threads: 1 }
const about = announce(hostRelaxes() ? 'relaxed' : 'simd', values.quick, others)
const results: ByWorkload = {}
for (const key of keys) {
  console.log(`${SHAPES[key].name} …`)
  results[key] = await runWorkload(key)
}
printTable(rows, results)
printTargets(results)
keep(`peers-${about.commit}`, about, { ours: OURS.name, results })
