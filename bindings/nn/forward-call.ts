/** Planning forward: memory for inputs and outputs that lie otherwise than the engine's, the plan, and its legs. */
import { KIND, PORT } from '../program/format.ts'
import type { Value } from '../program/graph.ts'
import { PARAM } from '../program/ops/leaves.ts'
import { Itinerary } from '../program/itinerary.ts'
import { Area } from '../program/layout.ts'
import { type Entry, Plan, type PlanOptions, type PlanUnit, type Port, type Stage } from '../program/plan.ts'
import { fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { BackwardCall } from './backward-call.ts'
import { type Checkpointing, type SegmentPlan, segmentsFor } from './checkpointing.ts'
import type { ForwardResult } from './module.ts'
import type { ForwardKind } from './programs.ts'
import {
  type CallShape,
  type Stack,
  bytesOf,
  isSwapped,
  outputColumns,
  stagesOf,
  stridesOf,
  tensorAt,
} from './stack.ts'
import type { NamedStates } from './states.ts'
import { type Segment, fullLegs, recordingLegs } from './unrolling.ts'

export interface ForwardOptions {
  readonly mode: 'plain' | 'tape' | 'step'
  /** Does each sample have a length of its own? */
  readonly lengths: boolean
  readonly checkpoint: Checkpointing | undefined
}

/** A planned forward with its results. */
export interface Call {
  readonly mode: ForwardOptions['mode']
  /** Which programs it runs. */
  readonly kind: string
  readonly shape: CallShape
  readonly plan: Plan
  /** What backward reads from: the plan itself, or the one that runs segments again. */
  readonly tapePlan: Plan
  /** By stage; empty without checkpoints. */
  readonly segments: readonly (readonly Segment[])[]
  /** Memory for the first states, which running the first segment again reads; undefined without checkpoints. */
  readonly initial: NamedStates | undefined
  readonly itinerary: Itinerary
  readonly extra: Allocation
  /** Memory for what is handed in though it is a result of this very call. */
  readonly copies: Tensor[]
  /** Time-major copies of the inputs, by name, where the caller's cannot be read as they are. */
  readonly staged: ReadonlyMap<string, number>
  /** Address of the samples' lengths, or 0. */
  readonly lengths: number
  /** Outputs of the layers below the top, both directions side by side. */
  readonly between: readonly number[]
  readonly output: Tensor
  readonly state: NamedStates | undefined
  readonly result: ForwardResult
  readonly backward: Map<string, BackwardCall>
}

/** Where the parts of a forward's memory beside its plan lie. */
interface Rooms {
  readonly states: readonly number[]
  readonly output: number | undefined
  readonly staged: ReadonlyMap<string, number>
  readonly lengths: number | undefined
  readonly between: readonly number[]
  readonly checkpoints: number
  /** First states, where checkpoints are kept. */
  readonly initial: readonly number[]
}

export function planForward(stack: Stack, shape: CallShape, options: ForwardOptions): Call {
  const { runtime } = stack
  const who = `${stack.who}: the workspace for T = ${shape.steps}, B = ${shape.batch}`
  const segmentPlan =
    options.checkpoint === undefined
      ? undefined
      : segmentsFor(stack, shape, options.checkpoint, rerunStages(stack, shape))
  const area = new Area()
  const rooms = furnish(stack, shape, options, area, segmentPlan)
  const extra = runtime.heap.allocateZeros(area.bytes, who)
  const made: { dispose(): void }[] = [extra]
  const keep = <Thing extends { dispose(): void }>(thing: Thing): Thing => {
    made.push(thing)
    return thing
  }
  try {
    return new ForwardPlanner(stack, shape, options, rooms, extra, segmentPlan).plan(who, keep)
  } catch (error) {
    for (const thing of made) thing.dispose()
    throw error
  }
}

function furnish(
  stack: Stack,
  shape: CallShape,
  { mode, lengths }: ForwardOptions,
  area: Area,
  segmentPlan: SegmentPlan | undefined,
): Rooms {
  const { steps, batch } = shape
  const { states, layers, directions } = stack
  const take = (columns: number) => area.take(bytesOf(stack, [steps, batch, columns]))
  const names = mode === 'step' ? [] : states.names
  const ported = isSwapped(shape) || lengths
  const inputs = ported ? [...layers[0]!.sized.inputs] : []
  const below = directions === 2 ? layers.length / 2 - 1 : 0
  return {
    states: names.map((name) => area.take(bytesOf(stack, states.shape(name, batch)))),
    output: ported || directions === 2 ? take(outputColumns(stack)) : undefined,
    staged: new Map(inputs.map(([name, columns]) => [name, take(columns)])),
    lengths: lengths ? area.take(4 * batch) : undefined,
    between: Array.from({ length: below }, () => take(outputColumns(stack))),
    checkpoints: area.take(segmentPlan?.checkpointBytes ?? 0),
    initial: segmentPlan ? names.map((name) => area.take(bytesOf(stack, states.shape(name, batch)))) : [],
  }
}

/** For measuring only: the stages of the plan that runs segments again. */
function rerunStages(stack: Stack, shape: CallShape): Stage[] {
  const units = stack.programs.forward('rerun', stack.directions === 2 ? 'all' : 'top').map((program, i) => ({
    program,
    invariants: stack.layers[i]!.invariants,
    outside: () => fail('internal', `${stack.who}: measured, not made (T = ${shape.steps})`),
    gradient: () => fail('internal', 'a forward program has no gradients'),
    ports: [],
  }))
  return stagesOf(stack, units)
}

class ForwardPlanner {
  readonly #stack: Stack
  readonly #shape: CallShape
  readonly #options: ForwardOptions
  readonly #rooms: Rooms
  readonly #extra: Allocation
  readonly #segmentPlan: SegmentPlan | undefined

  constructor(
    stack: Stack,
    shape: CallShape,
    options: ForwardOptions,
    rooms: Rooms,
    extra: Allocation,
    segmentPlan: SegmentPlan | undefined,
  ) {
    this.#stack = stack
    this.#shape = shape
    this.#options = options
    this.#rooms = rooms
    this.#extra = extra
    this.#segmentPlan = segmentPlan
  }

  plan(who: string, keep: <Thing extends { dispose(): void }>(thing: Thing) => Thing): Call {
    const { runtime, directions } = this.#stack
    const { mode, checkpoint } = this.#options
    const { steps, batch } = this.#shape
    const lengths = this.#rooms.lengths === undefined ? 0 : this.#extra.address + this.#rooms.lengths
    const options: PlanOptions = { steps, batch, lengths, who }
    const kind: ForwardKind = mode === 'tape' && checkpoint === undefined ? 'tape' : 'plain'
    const ported = directions === 2 ? 'all' : this.#rooms.output === undefined ? 'none' : 'top'
    const plan = keep(new Plan(runtime, this.#stages(kind, ported, true), options))
    const segments = this.#segments()
    const tapePlan =
      this.#segmentPlan === undefined
        ? plan
        : keep(
            new Plan(runtime, this.#stages('rerun', directions === 2 ? 'all' : 'top', false), {
              ...options,
              tapeSteps: this.#segmentPlan.steps,
            }),
          )
    const legs =
      segments.length === 0
        ? fullLegs(plan, this.#stageCount, steps)
        : segments.flatMap((list, stage) => recordingLegs(plan, stage, list))
    const itinerary = keep(new Itinerary(runtime, legs, who))
    const results = this.#results(plan)
    return {
      mode,
      kind: `${kind} ${ported}`,
      shape: this.#shape,
      plan,
      tapePlan,
      segments,
      initial: this.#segmentPlan && this.#named(this.#rooms.initial),
      itinerary,
      extra: this.#extra,
      copies: [],
      staged: new Map([...this.#rooms.staged].map(([name, offset]) => [name, this.#extra.address + offset])),
      lengths,
      between: this.#rooms.between.map((offset) => this.#extra.address + offset),
      ...results,
      backward: new Map(),
    }
  }

  get #stageCount(): number {
    return this.#stack.directions === 2 ? this.#stack.layers.length : 1
  }

  #results(plan: Plan): Pick<Call, 'output' | 'state' | 'result'> {
    const { layers } = this.#stack
    const shape = [...this.#shape.leading, outputColumns(this.#stack)]
    const { output: room } = this.#rooms
    const direct = () => ({ storage: plan.storage, address: plan.entry(layers.length - 1, layers.at(-1)!.graph.outputs[0]!).base }) // prettier-ignore
    const at = room === undefined ? direct() : { storage: this.#extra, address: this.#extra.address + room }
    const output = tensorAt(this.#stack, at.storage, at.address - at.storage.address, shape)
    if (this.#rooms.states.length === 0) return { output, state: undefined, result: { output } }
    const state = this.#named(this.#rooms.states)
    return { output, state, result: { output, state } }
  }

  /** All states, in rooms of this call. */
  #named(rooms: readonly number[]): Record<string, Tensor> {
    const { states } = this.#stack
    const { batch } = this.#shape
    return Object.fromEntries(
      states.names.map((name, i) => [name, tensorAt(this.#stack, this.#extra, rooms[i]!, states.shape(name, batch))]),
    )
  }

  /** @param opens inputs and outputs go through ports; a rerun finds its inputs ready and its outputs known */
  #stages(kind: ForwardKind, ported: 'none' | 'top' | 'all', opens: boolean): Stage[] {
    const programs = this.#stack.programs.forward(kind, ported)
    const units = this.#stack.layers.map((layer, i): PlanUnit => {
      return {
        program: programs[i]!,
        invariants: layer.invariants,
        outside: (value, previous) => this.#outside(i, value, previous),
        gradient: () => fail('internal', 'a forward program has no gradients'),
        ports: opens ? this.#ports(i, programs[i]!.slotOf) : [],
      }
    })
    return stagesOf(this.#stack, units)
  }

  /** A parameter, the output of the layer below, a staged input, or an input that each call points anew. */
  #outside(index: number, value: Value, previous: Entry | undefined): Entry {
    const { layers, directions } = this.#stack
    const layer = layers[index]!
    if (value.node.op === PARAM) return parameterEntry(layer.params.get(value.node.name)!.value.address)
    if (layer.depth > 0 && directions === 1) return previous!
    const base = layer.depth > 0 ? this.#rooms.between[layer.depth - 1]! : this.#rooms.staged.get(value.node.name)
    const stride = bytesOf(this.#stack, [this.#shape.batch, value.columns])
    return { base: base === undefined ? 0 : this.#extra.address + base, stride, kind: KIND.TIMED }
  }

  /** Inputs come in where the first layer runs first; outputs go out where they lie otherwise, or side by side. */
  #ports(index: number, slots: ReadonlyMap<Value, number>): Port[] {
    const { layers } = this.#stack
    const { depth, graph, reversed } = layers[index]!
    const isTop = depth === layers.at(-1)!.depth
    const takes = depth === 0 && !reversed && this.#rooms.staged.size > 0
    const inputs = takes ? graph.inputs.filter((input) => slots.has(input)) : []
    const batchFirst = isSwapped(this.#shape)
    const ports = inputs.map((value) => ({
      value,
      mode: PORT.TAKE_NEAREST,
      address: 0,
      ...stridesOf(this.#stack, this.#shape, value.columns, batchFirst),
    }))
    const room = isTop ? this.#rooms.output : this.#rooms.between[depth]
    return room === undefined ? ports : [...ports, this.#outPort(index, room, isTop && batchFirst)]
  }

  #outPort(index: number, room: number, batchFirst: boolean): Port {
    const { layers, runtime } = this.#stack
    const { graph, reversed } = layers[index]!
    const value = graph.outputs[0]!
    const half = reversed ? value.columns * runtime.elementBytes : 0
    const strides = stridesOf(this.#stack, this.#shape, outputColumns(this.#stack), batchFirst)
    return { value, mode: PORT.GIVE, address: this.#extra.address + room + half, ...strides }
  }

  /** The segments of each stage, in its direction, with the addresses of their checkpoints. */
  #segments(): Segment[][] {
    const plan = this.#segmentPlan
    if (plan === undefined) return []
    const { steps } = this.#shape
    let next = this.#extra.address + this.#rooms.checkpoints
    return stagesOf(this.#stack, this.#stack.layers).map(({ reversed }, stage) => {
      const count = Math.ceil(steps / plan.steps)
      const order = Array.from({ length: count }, (_, i) => (reversed ? count - 1 - i : i))
      return order.map((index, i) => {
        const from = index * plan.steps
        const segment = { from, to: Math.min(from + plan.steps, steps), checkpoint: i === 0 ? 0 : next }
        if (i > 0) next += plan.historyBytes[stage]!
        return segment
      })
    })
  }
}

export const parameterEntry = (base: number): Entry => ({ base, stride: 0, kind: KIND.TIMED })

export function disposeCall(call: Call): void {
  const parts = [call, ...call.backward.values()]
  for (const { plan, itinerary, extra, copies } of parts) {
    for (const thing of [plan, itinerary, extra, ...copies]) thing.dispose()
  }
  if (call.tapePlan !== call.plan) call.tapePlan.dispose()
}
