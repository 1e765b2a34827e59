/** DESIGN.md's recurrent layers in plain loops and float64: one sample, one chain, one step at a time. */
import type { RecurrentCase } from '../fixtures/read.ts'

/** All numbers that a case reads, by name; made anew where one is to be moved. */
export type Named = (name: string) => ArrayLike<number>
type State = Record<string, number[]>

const sigmoid = (a: number) => 1 / (1 + Math.exp(-a))
const UNITS = { tanh: Math.tanh, relu: (a: number) => Math.max(a, 0), identity: (a: number) => a }

/** Output and final states, flat, in the case's layout. */
export function recurrentReference(c: RecurrentCase, named: Named): Record<string, number[]> {
  const { inputSize, numLayers, batchFirst, bidirectional, projSize, hiddenSize } = c.options
  const suffixes = bidirectional ? ['', '_reverse'] : ['']
  const columns: Record<string, number> = { h: projSize ?? hiddenSize, ...(c.module === 'LSTM' && { c: hiddenSize }) }
  const outputColumns = columns['h']! * suffixes.length
  const row = (b: number, t: number) => (batchFirst ? b * c.T + t : t * c.B + b)
  const output = new Array<number>(c.T * c.B * outputColumns).fill(0)
  const final = Object.fromEntries(
    Object.entries(columns).map(([name, n]) => [
      name,
      new Array<number>(numLayers * suffixes.length * c.B * n).fill(0),
    ]),
  )
  for (let b = 0; b < c.B; b++) {
    const length = c.lengths?.[b] ?? c.T
    let rows = Array.from({ length }, (_, t) => take(named('input'), row(b, t), inputSize))
    for (let layer = 0; layer < numLayers; layer++) {
      const halves = suffixes.map((suffix, direction) => {
        const place = (layer * suffixes.length + direction) * c.B + b
        let state: State = Object.fromEntries(
          Object.entries(columns).map(([name, n]) => [name, take(named(`state.${name}`), place, n)]),
        )
        const outputs: number[][] = []
        for (let i = 0; i < length; i++) {
          const t = direction === 0 ? i : length - 1 - i
          state = step(c, (name) => named(`${name}_l${layer}${suffix}`), rows[t]!, state)
          outputs[t] = state['h']!
        }
        for (const [name, n] of Object.entries(columns)) put(final[name]!, place, n, state[name]!)
        return outputs
      })
      rows = Array.from({ length }, (_, t) => halves.flatMap((half) => half[t]!))
    }
    for (let t = 0; t < length; t++) put(output, row(b, t), outputColumns, rows[t]!)
  }
  return { output, ...Object.fromEntries(Object.entries(final).map(([name, values]) => [`state.${name}`, values])) }
}

const take = (from: ArrayLike<number>, row: number, columns: number) =>
  Array.from({ length: columns }, (_, i) => from[row * columns + i]!)

function put(into: number[], row: number, columns: number, values: number[]): void {
  for (let i = 0; i < columns; i++) into[row * columns + i] = values[i]!
}

function step({ module, options }: RecurrentCase, w: Named, x: number[], state: State): State {
  const H = options.hiddenSize
  const units = Array.from({ length: H }, (_, i) => i)
  const bias = (name: string) => (options.bias ? w(name) : undefined)
  const input = (row: number) => affine(w('weight_ih'), bias('bias_ih'), row, x)
  const hidden = (row: number) => affine(w('weight_hh'), bias('bias_hh'), row, state['h']!)
  const sum = (row: number) => input(row) + hidden(row)
  if (module === 'RNN') return { h: units.map((i) => UNITS[options.nonlinearity ?? 'tanh'](sum(i))) }
  if (module === 'GRU') {
    return {
      h: units.map((i) => {
        const [r, z] = [sigmoid(sum(i)), sigmoid(sum(H + i))]
        return (1 - z) * Math.tanh(input(2 * H + i) + r * hidden(2 * H + i)) + z * state['h']![i]!
      }),
    }
  }
  const c = units.map((i) => sigmoid(sum(H + i)) * state['c']![i]! + sigmoid(sum(i)) * Math.tanh(sum(2 * H + i)))
  const h = units.map((i) => sigmoid(sum(3 * H + i)) * Math.tanh(c[i]!))
  const { projSize } = options
  return { h: projSize ? Array.from({ length: projSize }, (_, p) => affine(w('weight_hr'), undefined, p, h)) : h, c }
}

function affine(weight: ArrayLike<number>, bias: ArrayLike<number> | undefined, row: number, x: number[]): number {
  return x.reduce((sum, value, k) => sum + weight[row * x.length + k]! * value, bias?.[row] ?? 0)
}
