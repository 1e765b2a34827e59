import type { Result, Results } from '../support/contest.ts'
import { atLeast, formatSpread, formatTime, printTarget, short } from '../support/report.ts'
import { ORT_WEB, TORCH_AVX2 } from './peers.ts'
import type { PlainKey } from './plain.ts'
import type { Problem } from './problems.ts'
import type { Outcome, Row } from './solvers.ts'

const HEADS = ['iterations', 'evaluations', 'ms', 'worst residual', 'failed', 'past 100']
const WIDTHS = [28, 12, 13, 14, 14, 6, 8]

export function printOutcome({ name, what, B, n }: Problem, { radius, solvers, adjoints }: Outcome): void {
  console.log(`\n${name}: ${what}; n = ${n}, ${B} samples; spectral radius at the fixed points ${short(radius)}`)
  printLine(['solver', ...HEADS])
  for (const row of solvers) printLine(cells(row))
  printLine(['adjoint', ...HEADS])
  for (const row of adjoints) printLine(cells(row))
}

function cells({ name, iterations, evaluations, timing, worst, failed, outcomes, late }: Row): string[] {
  return [
    name,
    iterations ? `${iterations.median}, ${iterations.max}` : '',
    evaluations.median === evaluations.max ? `${evaluations.max}` : `${evaluations.median}, ${evaluations.max}`,
    timing ? `${short(timing.seconds * 1e3)} ${formatSpread(timing.spread)}` : '',
    worst.toExponential(1),
    `${failed}`,
    late === undefined ? '' : `${late}`,
    outcomes.join(' '),
  ]
}

function printLine([first, ...rest]: readonly string[]): void {
  const [width, ...widths] = WIDTHS
  const numbers = rest.map((text, i) => (i < widths.length ? text.padStart(widths[i]!) : text))
  console.log(`  ${first!.padEnd(width!)} ${numbers.join('  ')}`.trimEnd())
}

export function printPeers(what: string, results: Results): void {
  if (Object.keys(results).length === 0) return
  console.log(`  ${what}`)
  for (const [name, result] of Object.entries(results)) console.log(`    ${name.padEnd(26)} ${resultText(result)}`)
}

function resultText({ timing, problem }: Result): string {
  if (!timing) return problem!
  const { seconds, spread, ratio, cpuRatio } = timing
  const time = `${formatTime(seconds)} ${formatSpread(spread)}`
  return `${time}  ${short(ratio)} times ours (processor time ${short(cpuRatio)})`
}

/** How many times longer than we onnxruntime-web should take, and PyTorch on one thread for a training step. */
const [ORT_TARGET, TORCH_TARGET] = [2, 1]

export function printTargets({ forward, training }: Partial<Record<PlainKey, Results>>): void {
  console.log('\ntargets')
  printTarget('D1 forward: faster than onnxruntime-web', atLeast(ORT_TARGET, forward?.[ORT_WEB.name]?.timing?.ratio))
  const torch = training?.[TORCH_AVX2.name]?.timing?.ratio
  printTarget(`D1 with its gradient: ${TORCH_AVX2.name}`, atLeast(TORCH_TARGET, torch))
}
