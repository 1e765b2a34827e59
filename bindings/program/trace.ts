/** From a cell's step function to its graph. */
import { describeValue, fail } from '../runtime/check.ts'
import { NAMED, expectForm } from './cell-form.ts'
import { type StateEdge, type StepGraph, ancestors } from './graph.ts'
import { lower } from './lower.ts'
import { Value, isLeaf, valueShape } from './operation.ts'
import { copy } from './ops/elementwise.ts'
import { endReads, inputLeaf, paramLeaf, stateReads } from './ops/leaves.ts'

/** A number, or a name with an optional factor: 'H', '3H'. */
export type Size = number | string

/** How a parameter starts: one number for all its elements, or draws from U(low, high). */
export type Initial = number | readonly [low: number, high: number]

/** One step of a recurrence, as a function of symbolic values. */
export interface Cell {
  /** Sizes of the states, by name; a state is [B, size]. */
  readonly state: Readonly<Record<string, Size>>
  /** Sizes of what a step receives, by name; an input is [B, size] at each step. */
  readonly input: Readonly<Record<string, Size>>
  /** Shapes of the parameters, by name: [n] or [rows, columns]. */
  readonly params: Readonly<Record<string, readonly Size[]>>
  /** How parameters start, by name; the others are drawn from U(±1/√fan_in). */
  readonly initial?: Readonly<Record<string, Initial>>
  /** Receives states, inputs and parameters by name; gives the next states by name, and the step's output. */
  step(values: Readonly<Record<string, Value>>): { state: Record<string, Value>; output: Value }
}

/** A cell with every size a number. */
export interface SizedCell {
  readonly cell: Cell
  readonly states: ReadonlyMap<string, number>
  readonly inputs: ReadonlyMap<string, number>
  readonly params: ReadonlyMap<string, readonly number[]>
}

/** Declares a cell. Its names must be distinct over states, inputs and parameters. */
export function defineCell(cell: Cell): Cell {
  expectForm('defineCell', cell)
  return cell
}

/** Gives a cell's named sizes their numbers. */
export function sizeCell(cell: Cell, sizes: Readonly<Record<string, number>>): SizedCell {
  const number = (size: Size) => resolveSize(size, sizes)
  const map = (part: Readonly<Record<string, Size>>) =>
    new Map(Object.entries(part).map(([name, size]) => [name, number(size)]))
  const params = new Map(Object.entries(cell.params).map(([name, shape]) => [name, shape.map(number)]))
  return { cell, states: map(cell.state), inputs: map(cell.input), params }
}

function resolveSize(size: Size, sizes: Readonly<Record<string, number>>): number {
  const [, factor, name] = NAMED.exec(String(size)) ?? []
  const value = typeof size === 'number' ? size : (factor ? Number(factor) : 1) * (sizes[name ?? ''] ?? Number.NaN)
  if (Number.isSafeInteger(value) && value > 0) return value
  fail('cell', `cell: size '${size}' is not known; give it in sizes as a whole number >= 1`)
}

/** Calls the step once with symbolic values and returns the graph it built; `fused: false`: of plain operations alone. */
export function trace({ cell, states, inputs, params }: SizedCell, options: { fused?: boolean } = {}): StepGraph {
  const inputLeaves = [...inputs].map(([name, columns]) => inputLeaf(name, columns))
  const paramLeaves = [...params].map(([name, shape]) => {
    const [rows, columns] = shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!]
    return paramLeaf(name, columns, rows)
  })
  const edges = [...states].map(([name, columns]) => ({ name, columns, reads: stateReads(name, columns) }))
  const leaves = [...inputLeaves, ...paramLeaves, ...edges.map(({ reads }) => reads.get(1)!)]
  const result = cell.step(Object.fromEntries(leaves.map((leaf) => [leaf.node.name, leaf])))
  for (const { reads } of edges) endReads(reads)
  expectKnown(result, ['state', 'output'], (name) => `step: gives '${name}'; expected state and output alone`)
  expectKnown(
    result?.state,
    [...states.keys()],
    (name) => `step: gives a state '${name}', which the cell does not declare`,
  )
  const nexts = edges.map(({ name, columns }) => nextState(name, columns, result?.state?.[name]))
  const output = expectOutput(result?.output)
  const reads = edges.flatMap((edge) => [...edge.reads.values()])
  expectOwnLeaves([output, ...nexts], [...inputLeaves, ...paramLeaves, ...reads])
  const graph = {
    inputs: inputLeaves,
    params: paramLeaves,
    states: ownStates(edges.map((edge, i) => ({ ...edge, next: nexts[i]! }))),
    outputs: [output],
    gradients: [],
  }
  return options.fused === false ? lower(graph) : graph
}

function expectKnown(given: unknown, known: readonly string[], refusal: (name: string) => string): void {
  const stray = Object.keys(given ?? {}).find((name) => !known.includes(name))
  if (stray !== undefined) fail('cell', `${refusal(stray)}; known are ${known.join(', ') || 'none'}`)
}

/** A value kept from another trace would be read from nowhere. */
function expectOwnLeaves(roots: Value[], own: Value[]): void {
  const leaves = new Set(own.map(({ node }) => node))
  const stray = ancestors(roots).find((node) => node.op.isLeaf && !leaves.has(node))
  if (!stray) return
  fail('cell', `step: '${stray.name}' is a value of another step; use only what this step is given`)
}

function nextState(name: string, columns: number, next: unknown): Value {
  if (next instanceof Value && next.rows === 'batch' && next.columns === columns) return next
  const given = next instanceof Value ? valueShape(next) : describeValue(next)
  fail('cell', `step: state '${name}' becomes ${given}; expected a value [B, ${columns}]`)
}

function expectOutput(output: unknown): Value {
  if (!(output instanceof Value) || output.rows !== 'batch') {
    const given = output instanceof Value ? valueShape(output) : describeValue(output)
    fail('cell', `step: output is ${given}; expected a value [B, n] of the step`)
  }
  // an input or an old state handed on is copied: an output has memory of its own
  return isLeaf(output) ? copy(output) : output
}

/** Each state owns the value it becomes: what is a leaf, a constant or another state's value is copied. */
export function ownStates(states: StateEdge[]): StateEdge[] {
  const taken = new Set<Value>()
  return states.map((state) => {
    const free = !taken.has(state.next) && !isLeaf(state.next) && !state.next.node.op.isRepeated
    const next = free ? state.next : copy(state.next)
    taken.add(next)
    return { ...state, next }
  })
}
