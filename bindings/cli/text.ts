/** A report as text for a terminal. */
import { greatest } from '../runtime/greatest.ts'
import { printable } from '../runtime/printable.ts'
import type { DirectionReport, Report, TensorReport } from './report.ts'

export function textOf(file: string, { metadata, parameters, bytes, tensors, layers }: Report): string {
  const head = `${printable(file)}: ${tensors.length} tensors, ${parameters.toLocaleString('en')} numbers, ${(bytes / 1024).toFixed(1)} KB`
  const parts = [
    head,
    section(
      'metadata',
      Object.entries(metadata).map(([key, value]) => printable(`${key}: ${value}`)),
    ),
    section('recurrent layers', layers.map(layerLine)),
    section('tensors', table(['name', 'shape', 'mean', 'deviation', 'min', 'max', ''], tensors.map(tensorCells))),
  ]
  return parts.filter(Boolean).join('\n\n')
}

const section = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : [title, ...lines.map((line) => `  ${line}`)].join('\n')

function layerLine(layer: DirectionReport): string {
  const { prefix, kind, inputSize, hiddenSize, projSize, skips, spectralRadius, bias } = layer
  const own = layer.layer === undefined ? 'z' : `l${layer.layer}${layer.reverse ? ' reverse' : ''}`
  const sizes = `${inputSize} → ${hiddenSize}${projSize ? ` → ${projSize}` : ''}`
  const gates = (title: string, values: Readonly<Record<string, number>>) => {
    const texts = Object.entries(values).map(([gate, value]) => `${gate} ${short(value)}`)
    return texts.length > 0 ? [`${title} ${texts.join(', ')}`] : []
  }
  const parts = [
    `${printable(prefix)}${own}: ${kind} ${sizes}`,
    ...(skips.length > 0 ? [`skips ${skips.join(', ')}`] : []),
    ...gates('ρ(W_hh)', spectralRadius),
    ...gates('mean bias', bias),
  ]
  return parts.join('; ')
}

function tensorCells({ name, shape, mean, deviation, min, max, notFinite }: TensorReport): string[] {
  const hasNumbers = min <= max
  const numbers = [mean, deviation, min, max].map((value) => (hasNumbers ? short(value) : ''))
  return [printable(name), `[${shape.join(', ')}]`, ...numbers, notFinite > 0 ? `${notFinite} not finite` : '']
}

/** Cells wider than this stand out: a column as wide as the longest name would make the text of many tensors quadratic. */
const WIDEST = 80

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows]
  const widths = head.map((_, column) => greatest(all.map((row) => Math.min(row[column]!.length, WIDEST))))
  const pad = (cell: string, column: number) =>
    column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
  return all.map((row) => row.map(pad).join('  ').trimEnd())
}

const short = (value: number): string => (Number.isFinite(value) ? value.toPrecision(3) : String(value))
