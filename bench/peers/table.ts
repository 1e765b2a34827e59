/** The one table of ratios, and the targets that it is held against. */
import type { Result, Results } from '../support/contest.ts'
import { atLeast, formatTime, printTarget, short } from '../support/report.ts'
import type { Key } from './peer.ts'
import { ORT_WEB, ROWS, type Row, TORCH_AVX2 } from './rows.ts'

export type ByWorkload = Partial<Record<Key, Results>>

/** Markdown, so that it can go into the README as it is. */
export function printTable(rows: readonly Row[], results: ByWorkload): void {
  const keys = Object.keys(results) as Key[]
  console.log(`\nTime, ours = 1 (higher: slower than us)\n`)
  printLine(['', ...keys])
  printLine(['---', ...keys.map(() => '---:')])
  for (const { name } of rows) printLine([name, ...keys.map((key) => cellText(results[key]![name]))])
  console.log()
  for (const { name, note } of rows) if (note) console.log(`${name}: ${note}.`)
}

function printLine([first, ...rest]: readonly string[]): void {
  console.log(`| ${first!.padEnd(26)} | ${rest.map((text) => text.padStart(15)).join(' | ')} |`)
}

function cellText(result: Result | undefined): string {
  if (!result) return '–'
  if (!result.timing) return result.problem!.split(':')[0]!
  const { ratio, seconds } = result.timing
  return `${short(ratio)} (${formatTime(seconds)})`
}

/** How many times longer than we onnxruntime-web should take. */
const INFERENCE_TARGETS: Partial<Record<Key, number>> = { L1: 1.2, L2: 1.8, L3: 1.4 }
/** … and the best JavaScript peer that trains. */
const TRAINING_TARGET = 4
/** How many times longer than PyTorch on one thread we may take. */
const TORCH_TARGET = 1.4

export function printTargets(all: ByWorkload): void {
  console.log('\ntargets')
  for (const [key, results] of Object.entries(all) as [Key, Results][]) {
    const bound = INFERENCE_TARGETS[key]
    if (bound) printTarget(`${key}: faster than onnxruntime-web`, atLeast(bound, results[ORT_WEB.name]?.timing?.ratio))
    else printTrainingTargets(key, results)
  }
}

function printTrainingTargets(key: Key, results: Results): void {
  const trained = ROWS.filter(({ trainsInJavaScript, name }) => trainsInJavaScript && results[name]?.timing)
  const [best] = trained.sort((a, b) => results[a.name]!.timing!.ratio - results[b.name]!.timing!.ratio)
  const ratio = best && results[best.name]!.timing!.ratio
  printTarget(`${key}: faster than ${best?.name ?? 'JavaScript peers'}`, atLeast(TRAINING_TARGET, ratio))
  const torch = results[TORCH_AVX2.name]?.timing?.ratio
  const target = torch ? ({ reached: 1 / torch, bound: TORCH_TARGET, sense: 'at most' } as const) : undefined
  printTarget(`${key}: slower than ${TORCH_AVX2.name}`, target)
}
