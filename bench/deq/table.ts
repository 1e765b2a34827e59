import { short } from '../support/report.ts'
import { ORT_WEB, type PeerResult, TORCH_AVX2 } from './peers.ts'
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
    timing ? `${short(timing.seconds * 1e3)} ±${Math.round(timing.spread * 100)} %` : '',
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

export function printPeers(what: string, results: Readonly<Record<string, PeerResult>>): void {
  if (Object.keys(results).length === 0) return
  console.log(`  ${what}`)
  for (const [name, { seconds, spread, ratio, cpuRatio, problem }] of Object.entries(results)) {
    const text =
      problem ??
      `${short(seconds! * 1e3)} ms ±${Math.round(spread! * 100)} %  ${short(ratio!)} times ours (processor time ${short(cpuRatio!)})`
    console.log(`    ${name.padEnd(26)} ${text}`)
  }
}

/** How many times longer than we onnxruntime-web should take, and PyTorch on one thread for a training step. */
const [ORT_TARGET, TORCH_TARGET] = [2, 1]

export function printTargets(D1: Partial<Record<PlainKey, Record<string, PeerResult>>>): void {
  console.log('\ntargets')
  printTarget('D1 forward: faster than onnxruntime-web', D1.forward?.[ORT_WEB.name]?.ratio, ORT_TARGET)
  printTarget(`D1 with its gradient: ${TORCH_AVX2.name}`, D1.training?.[TORCH_AVX2.name]?.ratio, TORCH_TARGET)
}

function printTarget(what: string, reached: number | undefined, bound: number): void {
  const verdict = reached === undefined ? 'not measured' : `${short(reached)}x, target at least ${bound}x: ${reached >= bound ? 'reached' : 'MISSED'}` // prettier-ignore
  console.log(`  ${what.padEnd(46)} ${verdict}`)
}
