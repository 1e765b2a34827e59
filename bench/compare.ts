/** node --import tsx bench/compare.ts before.json after.json: how figures changed between two runs. */
import { readFileSync } from 'node:fs'
import type { Environment } from './support/environment.ts'
import { type Figure, isRate, short } from './support/report.ts'

interface Run {
  readonly environment: Environment
  readonly figures: readonly Figure[]
}

const files = process.argv.slice(2)
if (files.length !== 2) throw new Error('expected two files of out/bench: before and after')
const [before, after] = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Run) as [Run, Run]
const IN_MICROSECONDS: Readonly<Record<string, number>> = { ms: 1e3, µs: 1 }

for (const { environment } of [before, after])
  console.log(`${environment.commit}: ${environment.engine}, ${environment.variant}, ${environment.cpu}`)
for (const figure of after.figures) {
  const old = before.figures.find(({ bench, name }) => bench === figure.bench && name === figure.name)
  if (old === undefined) continue
  const [from, to] = [old, figure].map(({ value, unit }) => value * (IN_MICROSECONDS[unit] ?? 1)) as [number, number]
  const gain = isRate(figure.unit) ? to / from : from / to
  const shown = `${short(old.value)} ${old.unit} -> ${short(figure.value)} ${figure.unit}`
  console.log(`${`${figure.bench} ${figure.name}`.padEnd(46)} ${shown.padEnd(32)} ${gain.toFixed(2)}x`)
}
