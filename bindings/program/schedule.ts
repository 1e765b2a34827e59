/**
 * Where each node of a step program runs: once per call, for a whole chunk of steps at once before or after the
 * steps, or step by step. Only what lies on the cycle through the state must run step by step.
 */
import { type Step, chains } from './chains.ts'
import { type StepGraph, ancestors } from './graph.ts'
import { type Node, type Value, isLeaf } from './operation.ts'

/** In the order in which they run. */
export const SEGMENTS = ['parameters', 'prologue', 'step', 'epilogue', 'finish'] as const
export type Segment = (typeof SEGMENTS)[number]

export interface ProgramSchedule {
  readonly nodes: readonly Node[]
  readonly segmentOf: ReadonlyMap<Node, Segment>
  readonly steps: Readonly<Record<Segment, Step[]>>
  readonly consumers: ReadonlyMap<Value, Node[]>
  /** Values kept beyond their consumers: outputs, next states, gradient terms and what a later program reads. */
  readonly kept: ReadonlySet<Value>
}

/** Is this a sum over all rows and steps? */
export const isReduction = (node: Node): boolean => node.op.sumsRows === true && node.inputs[0]!.rows === 'batch'

/** Schedules a program whose `given` values are computed elsewhere; `saved` values are kept for a later program. */
export function schedule(
  graph: StepGraph,
  given: (value: Value) => boolean,
  saved: ReadonlySet<Value>,
): ProgramSchedule {
  const nexts = graph.states.map((state) => state.next)
  const kept = new Set([...graph.outputs, ...nexts, ...graph.gradients.map((term) => term.value), ...saved])
  const isOutside = (value: Value) => isLeaf(value) || given(value)
  const nodes = ancestors(kept, isOutside)
  const consumers = consumersOf(nodes)
  const onCycle = new Set(ancestors(nexts, isOutside))
  const ownReads = new Set(graph.states.flatMap((state) => [...state.reads.values()].map((read) => read.node)))
  const segmentOf = assignSegments(nodes, ownReads, onCycle)
  sinkViews(nodes, segmentOf, consumers, kept)
  const steps = Object.fromEntries(
    SEGMENTS.map((segment) => [segment, chains(nodes.filter((node) => segmentOf.get(node) === segment))]),
  ) as Record<Segment, Step[]>
  return { nodes, segmentOf, steps, consumers, kept }
}

function consumersOf(nodes: readonly Node[]): Map<Value, Node[]> {
  const consumers = new Map<Value, Node[]>()
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) {
      const list = consumers.get(input)
      if (list) list.push(node)
      else consumers.set(input, [node])
    }
  }
  return consumers
}

function assignSegments(
  nodes: readonly Node[],
  reads: ReadonlySet<Node>,
  onCycle: ReadonlySet<Node>,
): Map<Node, Segment> {
  const segmentOf = new Map<Node, Segment>()
  const summed = new Set<Node>()
  const stateful = new Set<Node>(reads)
  for (const node of nodes) {
    const inputs = node.inputs.map((input) => input.node)
    if (isReduction(node) || inputs.some((input) => summed.has(input))) summed.add(node)
    if (inputs.some((input) => stateful.has(input))) stateful.add(node)
    segmentOf.set(node, segmentFor(node, summed.has(node), stateful.has(node), onCycle.has(node)))
  }
  return segmentOf
}

function segmentFor(node: Node, isSummed: boolean, isStateful: boolean, isOnCycle: boolean): Segment {
  if (node.results[0]!.rows !== 'batch') return isReduction(node) ? 'epilogue' : isSummed ? 'finish' : 'parameters'
  if (!isStateful) return 'prologue'
  return isOnCycle ? 'step' : 'epilogue'
}

function sinkViews(
  nodes: readonly Node[],
  segmentOf: Map<Node, Segment>,
  consumers: ReadonlyMap<Value, Node[]>,
  kept: ReadonlySet<Value>,
): void {
  for (const node of [...nodes].reverse()) {
    const value = node.results[0]!
    const users = consumers.get(value)
    if (!node.op.isView || value.rows !== 'batch' || kept.has(value) || !users) continue
    const placed = new Set(users.map((user) => segmentOf.get(user)!))
    segmentOf.set(
      node,
      SEGMENTS.find((segment) => placed.has(segment))!,
    )
  }
}
