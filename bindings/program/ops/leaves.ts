/** What a step is given: inputs, parameters, and its states as they were some steps back. */
import { fail } from '../../runtime/errors.ts'
import { type Operation, type Rows, type Value, makeNode, builder } from '../operation.ts'

export const INPUT: Operation = { name: 'input', isLeaf: true }
export const PARAM: Operation = { name: 'param', isLeaf: true }
export const STATE: Operation = { name: 'state', isLeaf: true }

export const inputLeaf = (name: string, columns: number, rows: Rows = 'batch'): Value =>
  makeNode(INPUT, [], [[rows, columns]], {}, name)[0]!

export const paramLeaf = (name: string, columns: number, rows: Rows): Value =>
  makeNode(PARAM, [], [[rows, columns]], {}, name)[0]!

/** All reads of a state, by the one a step back: `prev` adds to them while a step is traced. */
const readsOf = new WeakMap<Value, Map<number, Value>>()

/** Reads of a state by how many steps back they look. */
export function stateReads(name: string, columns: number, lags: Iterable<number> = [1]): Map<number, Value> {
  const reads = new Map([...lags].map((lag) => [lag, stateLeaf(name, columns, lag)]))
  const latest = reads.get(1)
  if (latest) readsOf.set(latest, reads)
  return reads
}

const stateLeaf = (name: string, columns: number, lag: number): Value =>
  makeNode(STATE, [], [['batch', columns]], { lag }, name)[0]!

/** A step that was traced reads no more, whoever has kept its values. */
export function endReads(reads: ReadonlyMap<number, Value>): void {
  readsOf.delete(reads.get(1)!)
}

/** The state `lag` steps back: prev(h, 1) is h itself. */
export const prev = builder('prev', ['value', 'number'], (state: Value, lag: number): Value => {
  if (state.node.op !== STATE) fail('cell', 'prev: operand is not a state of the step')
  if (!Number.isInteger(lag) || lag < 1) fail('cell', `prev: lag is ${lag}; expected a whole number >= 1`)
  const reads = readsOf.get(state)
  if (reads === undefined) {
    const isDelayed = state.node.attributes['lag'] !== 1
    const what = isDelayed
      ? 'itself a delayed read; give it the state'
      : 'a value of another step; use what this step is given'
    fail('cell', `prev: operand is ${what}`)
  }
  const read = reads.get(lag) ?? stateLeaf(state.node.name, state.columns, lag)
  reads.set(lag, read)
  return read
})
