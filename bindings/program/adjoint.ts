/**
 * The adjoint of a step program is a step program that runs the other way in time: its inputs are the gradients by
 * the outputs, its states the gradients that a step sends to the states it read (a delayed read sends to as many steps
 * back), its outputs the gradients by the inputs. It reads values of the primal program from the tape.
 */
import { fail } from '../runtime/errors.ts'
import { Cotangents } from './cotangents.ts'
import { type GradientTerm, type StateEdge, type StepGraph, ancestors } from './graph.ts'
import { type Maybe, type Node, type Value, isLeaf } from './operation.ts'
import { fill } from './ops/constant.ts'
import { copy, flush } from './ops/elementwise.ts'
import { inputLeaf, stateReads } from './ops/leaves.ts'
import { ownStates } from './trace.ts'

export interface WantedGradients {
  /** Which inputs need gradients; all of them if left out. */
  readonly inputs?: readonly string[]
  /** Which parameters need gradients; all of them if left out. */
  readonly params?: readonly string[]
  /**
   * Give the whole gradient by each state that the step makes, the step's other states held fixed, as further outputs in the order of
   * the states: so it depends on what the step computes, and not on how it is written.
   */
  readonly totals?: boolean
}

/** Name of the adjoint's state that carries the gradient sent `lag` steps back. */
export const carryName = (state: string, lag: number): string => `${state}@${lag}`

/** Source transformation of a step program into its adjoint. */
export function adjoint(primal: StepGraph, options: WantedGradients = {}): StepGraph {
  const cotangents = new Cotangents()
  // What was sent furthest back is added first, gradients by the outputs last: where a sequence is split, all that comes from
  // behind the split enters as one sum, and the order stays the same.
  const carries = primal.states.flatMap((state) =>
    [...state.reads].sort(([a], [b]) => b - a).map(([lag, read]) => openCarry(state, lag, read, cotangents)),
  )
  const incoming = primal.outputs.map((output, i) => {
    const leaf = inputLeaf(`dOutput${i}`, output.columns, output.rows)
    cotangents.send(output, leaf)
    return leaf
  })
  const wanted = wantedNodes(primal, options)
  spreadAll(ancestors(rootsOf(primal)), cotangents, wanted)
  const alone = () => byStatesAlone(primal, carries, incoming, wanted)
  const totals = options.totals ? totalsOf(primal, cotangents, alone) : []
  const byInputs = primal.inputs.filter(({ node }) => wanted.has(node))
  const states = carries.map(({ edge, read }) => ({ ...edge, next: closeCarry(cotangents.of(read), read) }))
  return {
    inputs: incoming,
    states: ownStates(states),
    params: [],
    outputs: [...byInputs.map((input) => gradientByInput(input, cotangents)), ...totals],
    gradients: primal.params
      .filter(({ node }) => wanted.has(node))
      .flatMap((param) => gradientTerms(param, cotangents)),
  }
}

const rootsOf = ({ outputs, states }: StepGraph): Value[] => [...outputs, ...states.map(({ next }) => next)]

function openCarry(
  state: StateEdge,
  lag: number,
  read: Value,
  cotangents: Cotangents,
): { edge: StateEdge; read: Value } {
  const name = carryName(state.name, lag)
  // what arrives at a step was sent `lag` steps later
  const reads = stateReads(name, state.columns, [lag])
  const arriving = reads.get(lag)!
  cotangents.send(state.next, arriving)
  return { edge: { name, columns: state.columns, reads, carries: state.name, next: arriving }, read }
}

/** Does no state that the step makes read another one that it makes? */
function areApart({ states }: StepGraph): boolean {
  const nexts = new Set(states.map(({ next }) => next.node))
  return states.every(({ next }) => ancestors([next]).every((node) => node === next.node || !nexts.has(node)))
}

/** Cotangents of the states that a step makes: from later steps, and from the outputs without the way through another state. */
function byStatesAlone(
  primal: StepGraph,
  carries: readonly { edge: StateEdge }[],
  incoming: readonly Value[],
  wanted: ReadonlySet<Node>,
): Cotangents {
  const cotangents = new Cotangents()
  const nextOf = new Map(primal.states.map(({ name, next }) => [name, next]))
  const nexts = new Set(nextOf.values())
  for (const { edge } of carries) cotangents.send(nextOf.get(edge.carries!)!, [...edge.reads.values()][0]!)
  for (const [i, output] of primal.outputs.entries()) cotangents.send(output, incoming[i]!)
  spreadAll(
    ancestors(primal.outputs, (value) => nexts.has(value)),
    cotangents,
    wanted,
  )
  return cotangents
}

function totalsOf(primal: StepGraph, all: Cotangents, alone: () => Cotangents): Value[] {
  const cotangents = areApart(primal) ? all : alone()
  return primal.states.map(({ next }) => ownTotal(next, cotangents))
}

function ownTotal(next: Value, cotangents: Cotangents): Value {
  return copy(cotangents.of(next) ?? fill(0, 'batch', next.columns))
}

function closeCarry(sent: Value | undefined, read: Value): Value {
  return sent ? flush(sent) : fill(0, 'batch', read.columns)
}

function gradientByInput(input: Value, cotangents: Cotangents): Value {
  const gradient = cotangents.of(input)
  if (gradient === undefined) return fill(0, 'batch', input.columns)
  return isLeaf(gradient) ? copy(gradient) : gradient
}

/** Gradients of row ranges of a parameter go straight to their rows. */
function gradientTerms(param: Value, cotangents: Cotangents): GradientTerm[] {
  return cotangents.parts(param).map((value) => {
    const { node } = value
    const placement = node.op.placement?.(node)
    return placement?.along === 'rows'
      ? { param: param.node.name, firstRow: placement.from, value: node.inputs[0]! }
      : { param: param.node.name, firstRow: 0, value }
  })
}

/** Nodes on a path from a wanted input or parameter, or from a state: the others' cotangents are never formed. */
function wantedNodes(primal: StepGraph, { inputs, params }: WantedGradients): Set<Node> {
  const wanted = new Set<Node>()
  for (const state of primal.states) for (const read of state.reads.values()) wanted.add(read.node)
  for (const input of primal.inputs)
    if (inputs === undefined || inputs.includes(input.node.name)) wanted.add(input.node)
  for (const param of primal.params)
    if (params === undefined || params.includes(param.node.name)) wanted.add(param.node)
  for (const node of ancestors(rootsOf(primal))) {
    if (node.inputs.some((value) => wanted.has(value.node))) wanted.add(node)
  }
  return wanted
}

/** Sends cotangents from the last node to the first. */
function spreadAll(nodes: readonly Node[], cotangents: Cotangents, wanted: ReadonlySet<Node>): void {
  for (const node of [...nodes].reverse()) if (!node.op.isLeaf) spread(node, cotangents, wanted)
}

function spread(node: Node, cotangents: Cotangents, wanted: ReadonlySet<Node>): void {
  const arrived = node.results.map((result) => cotangents.of(result))
  if (!wanted.has(node) || arrived.every((value) => value === undefined)) return
  const sent = cotangentsSent(node, arrived)
  for (const [i, input] of node.inputs.entries()) {
    const cotangent = sent[i]
    if (cotangent && wanted.has(input.node)) cotangents.send(input, cotangent)
  }
}

function cotangentsSent(node: Node, arrived: readonly Maybe[]): readonly Maybe[] {
  if (node.op.adjoint) return node.op.adjoint(node, arrived)
  fail('internal', `adjoint: ${node.op.name} has no rule; lower the graph first`)
}
