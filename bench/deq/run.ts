/**
 * npm run bench:deq -- [--quick] [--variant auto|simd|relaxed] [names of problems…]
 * How do the solvers and adjoints do on a fixed set of problems, beside what other libraries do by default? And what does D1 cost
 * beside them?
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { chooseVariant } from '../support/variant.ts'
import { environment } from '../support/report.ts'
import { ORT_WEB, OURS, type PeerEffort, type PeerResult, TORCH_AVX2, TORCH_AVX512, comparePeers } from './peers.ts'
import type { PlainKey } from './plain.ts'
import { type Problem, makeD1, makeProblems } from './problems.ts'
import { type Outcome, solveProblem } from './solvers.ts'
import { printOutcome, printPeers, printTargets } from './table.ts'
import { makeTrained } from './trained.ts'

const FULL = {
  solvers: { rounds: 7, seconds: 0.03, samples: 1, warmSeconds: 0.5 },
  problems: { rounds: 5, seconds: 0.1, warmSeconds: 1 },
  D1: { rounds: 15, seconds: 0.2, warmSeconds: 3 },
}
const QUICK = { solvers: { rounds: 1, seconds: 0.005, samples: 1, warmSeconds: 0.01 } }

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, variant: { type: 'string', default: 'auto' } },
  allowPositionals: true,
})
const { quick } = values
const variant = chooseVariant(values.variant)

async function chosenProblems(): Promise<Problem[]> {
  const all = [...makeProblems(), await makeTrained(quick)]
  const names = all.map(({ name }) => name)
  const unknown = positionals.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`no problem is called ${unknown}; there are ${names.join(', ')}`)
  return positionals.length > 0 ? all.filter(({ name }) => positionals.includes(name)) : all
}

/** PyTorch's plain loop where ours converges, too. */
async function torchLoop(problem: Problem, { solvers }: Outcome): Promise<Record<string, PeerResult>> {
  const picard = solvers.find(({ name }) => name === 'picard')!
  if (quick || picard.failed > 0) return {}
  return comparePeers([OURS, TORCH_AVX2], 'forward', problem, FULL.problems)
}

async function compareD1(key: PlainKey, effort: PeerEffort): Promise<Record<string, PeerResult>> {
  const peers = [OURS, ...(key === 'forward' ? [ORT_WEB] : []), TORCH_AVX2, TORCH_AVX512]
  return comparePeers(peers, key, makeD1(), effort)
}

const about = environment(variant, quick)
for (const [name, value] of Object.entries(about)) console.log(`${name.padEnd(8)} ${value}`)
const problems: Record<string, Outcome & { loops: Record<string, PeerResult> }> = {}
for (const problem of await chosenProblems()) {
  const outcome = await solveProblem(problem, variant, { effort: (quick ? QUICK : FULL).solvers, quick })
  const loops = await torchLoop(problem, outcome)
  printOutcome(problem, outcome)
  printPeers('plain loop', loops)
  problems[problem.name] = { ...outcome, loops }
}
const D1: Partial<Record<PlainKey, Record<string, PeerResult>>> = {}
if (quick) console.log('\npeers are left out by --quick')
else if (positionals.length === 0 || positionals.includes('D1')) {
  for (const key of ['forward', 'training'] as const) {
    D1[key] = await compareD1(key, FULL.D1)
    printPeers(key === 'forward' ? 'D1 forward' : 'D1 forward, adjoint and gradient of W', D1[key])
  }
  printTargets(D1)
}
console.log(`\nload at the end ${loadavg()[0]!.toFixed(1)}: above ${cpus().length} the figures are disturbed`)
mkdirSync('out/bench', { recursive: true })
const file = `out/bench/deq-${about.commit}-${variant}${quick ? '-quick' : ''}.json`
writeFileSync(file, JSON.stringify({ environment: about, problems, D1 }, undefined, 1))
console.log(`kept in ${file}`)
