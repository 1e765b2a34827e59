/**
 * npm run bench:deq -- [--quick] [--variant auto|simd|relaxed] [names of problems…]
 * How do the solvers and adjoints do on a fixed set of problems, beside what other libraries do by default? And what does D1 cost
 * beside them?
 */
import { parseArgs } from 'node:util'
import { chosen } from '../support/command.ts'
import type { ContestEffort, Results } from '../support/contest.ts'
import { announce, keep } from '../support/environment.ts'
import { chooseVariant } from '../support/variant.ts'
import { ORT_WEB, OURS, TORCH_AVX2, TORCH_AVX512, comparePeers } from './peers.ts'
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
  const names = chosen(
    'problem',
    positionals,
    all.map(({ name }) => name),
  )
  return all.filter(({ name }) => names.includes(name))
}

/** PyTorch's plain loop where ours converges, too. */
async function torchLoop(problem: Problem, { solvers }: Outcome): Promise<Results> {
  const picard = solvers.find(({ name }) => name === 'picard')!
  if (quick || picard.failed > 0) return {}
  return comparePeers([OURS, TORCH_AVX2], 'forward', problem, FULL.problems)
}

async function compareD1(key: PlainKey, effort: ContestEffort): Promise<Results> {
  const peers = [OURS, ...(key === 'forward' ? [ORT_WEB] : []), TORCH_AVX2, TORCH_AVX512]
  return comparePeers(peers, key, makeD1(), effort)
}

const about = announce(variant, quick)
const problems: Record<string, Outcome & { loops: Results }> = {}
for (const problem of await chosenProblems()) {
  const outcome = await solveProblem(problem, variant, { effort: (quick ? QUICK : FULL).solvers, quick })
  const loops = await torchLoop(problem, outcome)
  printOutcome(problem, outcome)
  printPeers('plain loop', loops)
  problems[problem.name] = { ...outcome, loops }
}
const D1: Partial<Record<PlainKey, Results>> = {}
if (quick) console.log('\npeers are left out by --quick')
else if (positionals.length === 0 || positionals.includes('D1')) {
  for (const key of ['forward', 'training'] as const) {
    D1[key] = await compareD1(key, FULL.D1)
    printPeers(key === 'forward' ? 'D1 forward' : 'D1 forward, adjoint and gradient of W', D1[key])
  }
  printTargets(D1)
}
keep(`deq-${about.commit}-${variant}`, about, { problems, D1 })
