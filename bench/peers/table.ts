/** The one table of ratios, the targets that it is held against, and the same as JSON. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { type Environment, short } from '../support/report.ts'
import type { Key } from './peer.ts'
import { ORT_WEB, OURS, ROWS, type Row, TORCH_AVX2 } from './rows.ts'

/** Either timed, or a sentence that says why not. */
export interface Cell {
  readonly timing?: {
    /** Median of the rounds. */
    readonly seconds: number
    /** Times longer than ours: median of the rounds' ratios. */
    readonly ratio: number
    /** The same by the processor's time, which other processes disturb less. */
    readonly cpuRatio: number
    readonly rounds: readonly number[]
  }
  readonly problem?: string
}

export type Results = Partial<Record<Key, Record<string, Cell>>>

/** Markdown, so that it can go into the README as it is. */
export function printTable(rows: readonly Row[], results: Results): void {
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

function cellText(cell: Cell | undefined): string {
  if (!cell) return '–'
  if (!cell.timing) return cell.problem!.split(':')[0]!
  const { ratio, seconds } = cell.timing
  return `${short(ratio)} (${seconds < 1e-3 ? `${short(seconds * 1e6)} µs` : `${short(seconds * 1e3)} ms`})`
}

/** How many times longer than we onnxruntime-web should take. */
const INFERENCE_TARGETS: Partial<Record<Key, number>> = { L1: 1.2, L2: 1.8, L3: 1.4 }
/** … and the best JavaScript peer that trains. */
const TRAINING_TARGET = 4
/** How many times longer than PyTorch on one thread we may take. */
const TORCH_TARGET = 1.4

export function printTargets(results: Results): void {
  console.log('\ntargets')
  for (const [key, cells] of Object.entries(results) as [Key, Record<string, Cell>][]) {
    const bound = INFERENCE_TARGETS[key]
    if (bound) printTarget(`${key}: faster than onnxruntime-web`, cells[ORT_WEB.name]?.timing?.ratio, bound)
    else printTrainingTargets(key, cells)
  }
}

function printTrainingTargets(key: Key, cells: Record<string, Cell>): void {
  const trained = ROWS.filter(({ trainsInJavaScript, name }) => trainsInJavaScript && cells[name]?.timing)
  const [best] = trained.sort((a, b) => cells[a.name]!.timing!.ratio - cells[b.name]!.timing!.ratio)
  printTarget(
    `${key}: faster than ${best?.name ?? 'JavaScript peers'}`,
    best && cells[best.name]!.timing!.ratio,
    TRAINING_TARGET,
  )
  const torch = cells[TORCH_AVX2.name]?.timing?.ratio
  printTarget(`${key}: slower than ${TORCH_AVX2.name}`, torch && 1 / torch, TORCH_TARGET, 'at most')
}

function printTarget(what: string, reached: number | undefined, bound: number, sense = 'at least'): void {
  if (reached === undefined) return console.log(`  ${what.padEnd(46)} not measured`)
  const isMet = sense === 'at least' ? reached >= bound : reached <= bound
  console.log(`  ${what.padEnd(46)} ${short(reached)}x, target ${sense} ${bound}x: ${isMet ? 'reached' : 'MISSED'}`)
}

export function save(about: Environment, results: Results): string {
  mkdirSync('out/bench', { recursive: true })
  const file = `out/bench/peers-${about.commit}${about.quick ? '-quick' : ''}.json`
  writeFileSync(file, JSON.stringify({ environment: about, ours: OURS.name, results }, undefined, 1))
  return file
}
