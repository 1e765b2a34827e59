/** Which values of a program share memory, and how long that memory must hold them. */
import type { StepGraph } from './graph.ts'
import { type Node, type Value, isLeaf } from './operation.ts'
import type { ProgramSchedule } from './schedule.ts'
import { greatest } from '../runtime/greatest.ts'

/** How long a value's memory must hold it; `tape`: for the steps that the tape holds at a time. */
export type Duration = 'timed' | 'tape' | 'chunk' | 'step' | 'call'

/** Memory of one value, or of several that are computed in place one after the other. */
export interface Storage {
  duration: Duration
  readonly value: Value
  /** The furthest delayed read where this is a state's history, else 0. */
  lag: number
}

/** Which values outlive the program that computes them. */
export interface Lasting {
  /** Values to keep on the tape, for a later program. */
  readonly saved?: ReadonlySet<Value>
  /** How long to keep the outputs. */
  readonly outputs: 'timed' | 'tape' | 'chunk'
}

/** Gives every value that the program computes a storage; in-place operations share their operand's. */
export function placeInMemory(
  graph: StepGraph,
  plan: ProgramSchedule,
  given: (value: Value) => boolean,
  options: Lasting,
): ReadonlyMap<Value, Storage> {
  const storages = new Map<Value, Storage>()
  const outputs = new Set(graph.outputs)
  for (const node of plan.nodes) {
    for (const value of node.results) {
      const operand = overwritten(node, value, plan, given)
      const storage = (operand && storages.get(operand)) ?? { duration: 'step', value, lag: 0 }
      storage.duration = longer(storage.duration, durationOf(value, outputs, plan, options))
      storages.set(value, storage)
    }
  }
  for (const { next, reads } of graph.states) {
    const storage = storages.get(next)!
    storage.lag = greatest(reads.keys())
    const isSaved = [next, ...reads.values()].some((value) => options.saved?.has(value))
    storage.duration = longer(storage.duration, isSaved ? 'tape' : 'chunk')
  }
  return storages
}

function durationOf(
  value: Value,
  given: ReadonlySet<Value>,
  plan: ProgramSchedule,
  { outputs, saved }: Lasting,
): Duration {
  if (value.rows !== 'batch') return 'call'
  const asOutput = given.has(value) ? outputs : 'step'
  if (saved?.has(value)) return longer('tape', asOutput)
  if (asOutput !== 'step') return asOutput
  const own = plan.segmentOf.get(value.node)!
  if (own !== 'step') return 'chunk'
  const users = plan.consumers.get(value) ?? []
  return users.every((user) => plan.segmentOf.get(user) === 'step') ? 'step' : 'chunk'
}

const DURATIONS: readonly Duration[] = ['step', 'chunk', 'tape', 'timed', 'call']

function longer(a: Duration, b: Duration): Duration {
  return DURATIONS[Math.max(DURATIONS.indexOf(a), DURATIONS.indexOf(b))]!
}

/** The operand whose memory a result may take: one that nothing else reads, of the same shape. */
function overwritten(
  node: Node,
  value: Value,
  { kept, consumers }: ProgramSchedule,
  given: (value: Value) => boolean,
): Value | undefined {
  const operand = node.op.inPlace?.(node, value)
  if (operand === undefined || isLeaf(operand) || given(operand)) return undefined
  if (operand.rows !== 'batch' || operand.columns !== value.columns) return undefined
  if (kept.has(operand) || consumers.get(operand)!.length > 1) return undefined
  return node.inputs.filter((input) => input === operand).length > 1 ? undefined : operand
}
