/** Planning forward: memory for inputs and outputs that lie otherwise than the engine's, the plan, and its legs. */
import type { CallMemory, PlannedCall } from '../module/calls.ts'
import type { ForwardResult } from '../module/options.ts'
import type { NamedStates } from '../module/state.ts'
import type { CompiledProgram } from '../program/compile.ts'
import type { Entry } from '../program/entry.ts'
import { KIND, PORT } from '../program/format.ts'
import type { Value } from '../program/graph.ts'
import { Itinerary, fullLegs } from '../program/itinerary.ts'
import { PARAM } from '../program/ops/leaves.ts'
import { Plan } from '../program/plan.ts'
import type { PlanOptions, PlanUnit, Port, Stage } from '../program/stage.ts'
import { fail } from '../runtime/check.ts'
import type { Scope } from '../runtime/scope.ts'
import { Tensor } from '../runtime/tensor.ts'
import type { ForwardSpec } from './forward-spec.ts'
import { type TapeSegment, recordingLegs } from './legs.ts'
import { type SegmentPlan, segmentsFor } from './segments.ts'
import { type CallShape, type Stack, bytesOf, isSwapped, parameterEntry, stagesOf, stridesOf } from './stack.ts'

/** A planned forward with its results. */
export interface ForwardCall extends PlannedCall {
  readonly kind: string
  readonly shape: CallShape
  readonly programs: readonly CompiledProgram[]
  readonly plan: Plan
  /** What backward reads from: the plan itself, or the one that runs segments again. */
  readonly tapePlan: Plan
  /** By stage; empty without checkpoints. */
  readonly segments: readonly (readonly TapeSegment[])[]
  /** Memory for the first states, which running the first segment again reads; undefined without checkpoints. */
  readonly initial: NamedStates | undefined
  readonly itinerary: Itinerary
  /** Do inputs come in by ports, time-major copies being made of them? */
  readonly isStaged: boolean
  /** Address of the samples' lengths, or 0. */
  readonly lengths: number
  readonly outputs: readonly Tensor[]
  readonly state: NamedStates | undefined
  /** What the module gives. */
  readonly result: ForwardResult
}

export function planForward(memory: CallMemory, stack: Stack, shape: CallShape, spec: ForwardSpec): ForwardCall {
  const { checkpoint } = spec
  const segmentPlan =
    checkpoint && segmentsFor(stack, shape, checkpoint.every, rerunStages(stack, shape, checkpoint.rerun))
  const who = `${stack.who}: the workspace for T = ${shape.steps}, B = ${shape.batch}`
  const rooms = furnish(memory.scope, who, stack, shape, spec, segmentPlan)
  return new ForwardPlanner(stack, shape, spec, rooms, segmentPlan).plan(memory, who)
}

type Furnished = ReturnType<typeof furnish>

/** Memory beside the plan. */
function furnish(
  scope: Scope,
  who: string,
  stack: Stack,
  shape: CallShape,
  spec: ForwardSpec,
  segmentPlan: SegmentPlan | undefined,
) {
  const { steps, batch } = shape
  const { states, layers, directions } = stack
  const { programs } = spec
  const top = layers.at(-1)!.depth
  const whole = (values: readonly Value[], halves: number) =>
    values.map(({ columns }) => bytesOf(stack, [steps, batch, columns * halves]))
  const ofStates = (names: readonly string[]) => names.map((name) => bytesOf(stack, states.shape(name, batch)))
  const outputsAt = (depth: number) => whole(programs[depth * directions]!.graph.outputs, directions)
  const names = spec.keepsStates ? states.namesIn(programs[0]!) : []
  return scope.rooms(who, {
    states: ofStates(names),
    outputs: spec.ported === 'none' ? [] : outputsAt(top),
    staged: stagesInputs(shape, spec) ? whole(programs[0]!.graph.inputs, 1) : [],
    lengths: spec.lengths ? 4 * batch : undefined,
    /** Outputs of the layers below the top, both directions side by side, by depth. */
    between: Array.from({ length: directions === 2 ? top : 0 }, (_, depth) => outputsAt(depth)).flat(),
    checkpoints: segmentPlan?.checkpointBytes ?? 0,
    initial: segmentPlan ? ofStates(names) : [],
  })
}

const stagesInputs = (shape: CallShape, { lengths }: ForwardSpec): boolean => isSwapped(shape) || lengths

/** For measuring only: the stages of the plan that runs segments again. */
function rerunStages(stack: Stack, shape: CallShape, programs: readonly CompiledProgram[]): Stage[] {
  const units = programs.map((program, i) => ({
    program,
    invariants: stack.layers[i]!.invariants,
    outside: () => fail('internal', `${stack.who}: measured, not made (T = ${shape.steps})`),
    gradient: noGradient,
    ports: [],
  }))
  return stagesOf(stack, units)
}

const noGradient = (): never => fail('internal', 'a forward program has no gradients')

class ForwardPlanner {
  readonly #stack: Stack
  readonly #shape: CallShape
  readonly #spec: ForwardSpec
  readonly #rooms: Furnished
  readonly #segmentPlan: SegmentPlan | undefined

  constructor(
    stack: Stack,
    shape: CallShape,
    spec: ForwardSpec,
    rooms: Furnished,
    segmentPlan: SegmentPlan | undefined,
  ) {
    this.#stack = stack
    this.#shape = shape
    this.#spec = spec
    this.#rooms = rooms
    this.#segmentPlan = segmentPlan
  }

  plan(memory: CallMemory, who: string): ForwardCall {
    const { scope } = memory
    const { kind, programs } = this.#spec
    const { steps, batch } = this.#shape
    const { at } = this.#rooms
    const lengths = at.lengths ?? 0
    const options: PlanOptions = { steps, batch, lengths, who }
    const plan = new Plan(scope, this.#stages(programs, true), options)
    const segments = this.#segments()
    const outputs = programs.at(-1)!.graph.outputs.map((value, i) => this.#output(plan, value, i))
    const state = at.states.length > 0 ? this.#named(at.states) : undefined
    return {
      memory,
      kind,
      shape: this.#shape,
      programs,
      plan,
      tapePlan: this.#tapePlan(scope, plan, options),
      segments,
      initial: this.#segmentPlan && this.#named(at.initial),
      itinerary: new Itinerary(scope, this.#legs(plan, segments), who),
      isStaged: at.staged.length > 0,
      lengths,
      outputs,
      state,
      result: { output: outputs[0]!, ...(state && { state }) },
    }
  }

  #tapePlan(scope: Scope, plan: Plan, options: PlanOptions): Plan {
    if (this.#segmentPlan === undefined) return plan
    const stages = this.#stages(this.#spec.checkpoint!.rerun, false)
    return new Plan(scope, stages, { ...options, tapeSteps: this.#segmentPlan.steps })
  }

  #legs(plan: Plan, segments: readonly (readonly TapeSegment[])[]): ConstructorParameters<typeof Itinerary>[1] {
    const stages = this.#stack.directions === 2 ? this.#stack.layers.length : 1
    if (segments.length === 0) return fullLegs(plan, stages, this.#shape.steps)
    return segments.flatMap((list, stage) => recordingLegs(plan, stage, list))
  }

  #output(plan: Plan, value: Value, index: number): Tensor {
    const { runtime, layers, directions } = this.#stack
    const shape = [...this.#shape.leading, value.columns * directions]
    const room = this.#rooms.at.outputs[index]
    if (room !== undefined) return new Tensor(runtime, this.#rooms.memory, room, shape, 'float')
    return new Tensor(runtime, plan.storage, plan.entry(layers.length - 1, value).base, shape, 'float')
  }

  /** All states that the programs carry, in rooms of this call. */
  #named(rooms: readonly number[]): NamedStates {
    const { runtime, states } = this.#stack
    const { batch } = this.#shape
    const names = states.namesIn(this.#spec.programs[0]!)
    return Object.fromEntries(
      names.map((name, i) => [
        name,
        new Tensor(runtime, this.#rooms.memory, rooms[i]!, states.shape(name, batch), 'float'),
      ]),
    )
  }

  /** @param opens inputs and outputs go through ports; a rerun finds its inputs ready and its outputs known */
  #stages(programs: readonly CompiledProgram[], opens: boolean): Stage[] {
    const units = this.#stack.layers.map((layer, i): PlanUnit => {
      return {
        program: programs[i]!,
        invariants: layer.invariants,
        outside: (value, below) => this.#outside(i, value, below),
        gradient: noGradient,
        ports: opens ? this.#ports(i, programs[i]!) : [],
      }
    })
    return stagesOf(this.#stack, units)
  }

  /** A parameter, an output of the layer below, a staged input, or an input that each call points anew. */
  #outside(index: number, value: Value, below: readonly Entry[]): Entry {
    const { layers, directions } = this.#stack
    const { depth, params } = layers[index]!
    const { name } = value.node
    if (value.node.op === PARAM) return this.#spec.parameter?.(index, name) ?? parameterEntry(params.get(name)!.value)
    const { inputs, outputs } = this.#spec.programs[index]!.graph
    const input = inputs.indexOf(value)
    if (depth > 0 && directions === 1) return below[input]!
    const { between, staged } = this.#rooms.at
    const base = depth > 0 ? between[(depth - 1) * outputs.length + input] : staged[input]
    return { base: base ?? 0, stride: bytesOf(this.#stack, [this.#shape.batch, value.columns]), kind: KIND.TIMED }
  }

  /** Inputs come in where the first layer runs first; outputs go out where they lie otherwise, or side by side. */
  #ports(index: number, { graph, slotOf }: CompiledProgram): Port[] {
    const { depth, reversed } = this.#stack.layers[index]!
    const isTop = depth === this.#stack.layers.at(-1)!.depth
    const takes = depth === 0 && !reversed && this.#rooms.at.staged.length > 0
    const batchFirst = isSwapped(this.#shape)
    const ports = (takes ? graph.inputs.filter((input) => slotOf.has(input)) : []).map((value) => ({
      value,
      mode: PORT.TAKE_NEAREST,
      address: 0,
      ...stridesOf(this.#stack, this.#shape, value.columns, batchFirst),
    }))
    const { outputs, between } = this.#rooms.at
    const count = graph.outputs.length
    const rooms = isTop ? outputs : between.slice(depth * count, (depth + 1) * count)
    return [...ports, ...rooms.map((room, i) => this.#outPort(graph.outputs[i]!, room, reversed, isTop && batchFirst))]
  }

  #outPort(value: Value, room: number, reversed: boolean, batchFirst: boolean): Port {
    const { runtime, directions } = this.#stack
    const half = reversed ? value.columns * runtime.elementBytes : 0
    const strides = stridesOf(this.#stack, this.#shape, value.columns * directions, batchFirst)
    return { value, mode: PORT.GIVE, address: room + half, ...strides }
  }

  /** The segments of each stage, in its direction, with the addresses of their checkpoints. */
  #segments(): TapeSegment[][] {
    const plan = this.#segmentPlan
    if (plan === undefined) return []
    const { steps } = this.#shape
    let next = this.#rooms.at.checkpoints
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
