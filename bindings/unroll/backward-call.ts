/** Planning backward for a recorded forward: memory for gradients, the plan of the adjoint programs, and its legs. */
import { Copies } from '../module/copies.ts'
import type { InputGradients } from '../module/options.ts'
import type { NamedStates } from '../module/state.ts'
import type { Truncation } from '../module/truncation.ts'
import type { CompiledProgram } from '../program/compile.ts'
import type { Entry } from '../program/entry.ts'
import { KIND, PORT } from '../program/format.ts'
import type { Value } from '../program/graph.ts'
import { Itinerary, fullLegs } from '../program/itinerary.ts'
import { chunkSteps } from '../program/layout.ts'
import { PARAM } from '../program/ops/leaves.ts'
import { type Draws, Plan } from '../program/plan.ts'
import type { PlanUnit, Port, Stage } from '../program/stage.ts'
import type { Scope } from '../runtime/scope.ts'
import { type Shape, Tensor } from '../runtime/tensor.ts'
import type { ForwardCall } from './forward-call.ts'
import type { Layer } from './layer.ts'
import { replayingLegs, truncatedLegs, truncatedPieces } from './legs.ts'
import { type BackwardKind, backwardKey } from './programs.ts'
import {
  type Stack,
  type Strides,
  backwardOrder,
  bytesOf,
  isSwapped,
  outputColumns,
  parameterEntry,
  stridesOf,
} from './stack.ts'

export interface BackwardCall {
  /** Which programs it runs. */
  readonly kind: string
  readonly plan: Plan
  /** By layer. */
  readonly programs: readonly CompiledProgram[]
  /** Layers in the order of the plan's units. */
  readonly order: readonly number[]
  readonly itinerary: Itinerary
  /** Copies of results of this very backward that are handed back in. */
  readonly copies: Copies
  /** Zeros for one chunk, in place of a gradient by the output that is not given. */
  readonly zeros: number
  /** Which ports of which units take the gradient by the output, at how many bytes into it. */
  readonly takes: readonly { unit: number; port: number; offset: number }[]
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly states: NamedStates
  readonly input: InputGradients['input']
}

/** What a recorded forward leaves for backward. */
export interface Recorded {
  readonly call: ForwardCall
  readonly inputs: readonly Tensor[]
  readonly draws: Draws
  readonly truncation: Truncation | undefined
  /** The past that forward was given: without it the first state stands for all before it. */
  readonly pasts: readonly string[]
}

/** A backward as it is asked for. */
export interface BackwardRequest {
  readonly inputGradient: boolean
  /** Public names of parameters that get no gradients. */
  readonly frozen: ReadonlySet<string>
  readonly truncation: Truncation | undefined
}

/** A backward to be planned. */
export interface BackwardSpec {
  readonly kind: string
  /** By layer; gradients by the inputs come first among a program's outputs. */
  readonly programs: readonly CompiledProgram[]
  readonly inputGradient: boolean
  /** Gradients by the inputs leave by ports. */
  readonly ported: boolean
  readonly truncation?: Truncation | undefined
  /** Sums over time begin and go out step by step. */
  readonly stepwise?: boolean
  /** Where gradients by parameters go, if not to the parameters' own. */
  readonly gradient?: (layer: number, param: string) => Entry
}

/** The planned backward of a call, made once for each kind of request. */
export function backwardOf(stack: Stack, call: ForwardCall, request: BackwardRequest): BackwardCall {
  const { truncation } = request
  const cut = truncation && `${truncation.window} ${truncation.stride ?? truncation.window}`
  const kind: BackwardKind = { ...request, ported: isPorted(stack, call, truncation) }
  const key = backwardKey(kind)
  return call.memory.once(`${key} ${cut}`, (scope) =>
    planBackward(scope, stack, call, { ...kind, kind: key, programs: stack.programs.backward(kind), truncation }),
  )
}

/** Gradients by the inputs leave by ports where they lie otherwise, where two directions or overlapping windows add up. */
export function isPorted(stack: Stack, call: ForwardCall, truncation?: Truncation): boolean {
  const overlaps = truncation !== undefined && (truncation.stride ?? truncation.window) < truncation.window
  return stack.directions === 2 || isSwapped(call.shape) || overlaps
}

export function planBackward(scope: Scope, stack: Stack, call: ForwardCall, spec: BackwardSpec): BackwardCall {
  const { steps, batch } = call.shape
  const who = `${stack.who}: the backward workspace for T = ${steps}, B = ${batch}`
  return new BackwardPlanner(stack, call, spec, furnish(scope, who, stack, call, spec)).plan(scope, who)
}

type Furnished = ReturnType<typeof furnish>

/** Memory beside the plan. */
function furnish(scope: Scope, who: string, stack: Stack, call: ForwardCall, spec: BackwardSpec) {
  const { steps, batch } = call.shape
  const { layers, directions, states } = stack
  const top = layers.at(-1)!.depth
  const takes = directions === 2 || call.lengths > 0 || spec.truncation !== undefined || isSwapped(call.shape)
  const isTaking = ({ depth }: Layer) => takes && (directions === 2 || depth === top)
  const chunk = Math.min(chunkSteps(batch), steps)
  const whole = (columns: number) => bytesOf(stack, [steps, batch, columns])
  return scope.rooms(who, {
    zeros: bytesOf(stack, [chunk, batch, outputColumns(stack)]),
    states: states.names.map((name) => bytesOf(stack, states.shape(name, batch))),
    /** Chunks of the gradient by each layer's output, by layer. */
    taken: layers.map((layer) => {
      return isTaking(layer) ? bytesOf(stack, [chunk, batch, layer.graph.outputs[0]!.columns]) : undefined
    }),
    /** Gradients by the outputs of the layers below the top, both directions side by side. */
    between: Array.from({ length: directions === 2 ? top : 0 }, (_, depth) => whole(outputColumns(stack, depth))),
    inputs: spec.inputGradient && spec.ported ? [...layers[0]!.sized.inputs.values()].map(whole) : [],
  })
}

class BackwardPlanner {
  readonly #stack: Stack
  readonly #call: ForwardCall
  readonly #spec: BackwardSpec
  readonly #rooms: Furnished
  readonly #programs: readonly CompiledProgram[]
  readonly #order: readonly number[]

  constructor(stack: Stack, call: ForwardCall, spec: BackwardSpec, rooms: Furnished) {
    this.#stack = stack
    this.#call = call
    this.#spec = spec
    this.#rooms = rooms
    this.#programs = spec.programs
    this.#order = backwardOrder(stack)
  }

  plan(scope: Scope, who: string): BackwardCall {
    const { states } = this.#stack
    const { lengths, shape } = this.#call
    const { stepwise, truncation } = this.#spec
    const { steps, batch } = shape
    const pieces = truncation && truncatedPieces(steps, chunkSteps(batch), truncation)
    const options = { ...(stepwise && { chunk: 1 }), ...(pieces && { pieces }) }
    const plan = new Plan(scope, this.#stages(), { steps, batch, lengths, who, ...options })
    const itinerary = new Itinerary(scope, this.#legs(plan), who)
    const inputs = this.#inputs(plan)
    const tensors = Object.values(inputs)
    return {
      kind: this.#spec.kind,
      plan,
      programs: this.#programs,
      order: this.#order,
      itinerary,
      copies: new Copies(scope),
      zeros: this.#rooms.at.zeros,
      takes: this.#takes(),
      inputs,
      states: Object.fromEntries(
        states.names.map((name, i) => [name, this.#tensor(this.#rooms.at.states[i]!, states.shape(name, batch))]),
      ),
      input: tensors.length === 0 ? undefined : tensors.length === 1 ? tensors[0] : inputs,
    }
  }

  #tensor(room: number, shape: Shape): Tensor {
    return new Tensor(this.#stack.runtime, this.#rooms.memory, room, shape, 'float')
  }

  #stages(): Stage[] {
    const units = this.#order.map((index) => this.#unit(index))
    if (this.#stack.directions === 1) return [{ reversed: true, units }]
    return units.map((unit, i) => ({ reversed: !this.#stack.layers[this.#order[i]!]!.reversed, units: [unit] }))
  }

  #unit(index: number): PlanUnit {
    const layer = this.#stack.layers[index]!
    const program = this.#programs[index]!
    const own = (param: string) => parameterEntry(layer.params.get(param)!.grad)
    return {
      program,
      invariants: layer.invariants,
      gradient: (param) => this.#spec.gradient?.(index, param) ?? own(param),
      outside: (value, below) => this.#outside(index, value, below),
      ports: this.#ports(index),
    }
  }

  #outside(index: number, value: Value, [above]: readonly Entry[]): Entry {
    const { params, invariants } = this.#stack.layers[index]!
    if (value.node.op === PARAM) return parameterEntry(params.get(value.node.name)!.value)
    const stride = bytesOf(this.#stack, [this.#call.shape.batch, value.columns])
    if (!this.#programs[index]!.graph.inputs.includes(value))
      return invariants.entry(value) ?? this.#call.tapePlan.entry(index, value)
    // inputs beside the gradient by the output are pointed by whoever asked for them
    if (value !== this.#programs[index]!.graph.inputs[0]) return { base: 0, stride, kind: KIND.TIMED }
    const taken = this.#rooms.at.taken[index]
    if (taken !== undefined) return { base: taken, stride, kind: KIND.CHUNK }
    return above ?? { base: 0, stride, kind: KIND.TIMED }
  }

  /** The gradient by the output first, if it comes by a port; then those by the inputs. */
  #ports(index: number): Port[] {
    const program = this.#programs[index]!
    const layer = this.#stack.layers[index]!
    const incoming = program.graph.inputs[0]!
    const takes = this.#rooms.at.taken[index] !== undefined && program.slotOf.has(incoming)
    const ports = takes ? [this.#takePort(index, incoming)] : []
    if (layer.depth > 0 && this.#stack.directions === 1) return ports
    if (layer.depth > 0) return [...ports, this.#givePort(layer.reversed, program.graph.outputs[0]!, this.#rooms.at.between[layer.depth - 1]!, false)] // prettier-ignore
    const gives = this.#rooms.at.inputs.map((room, i) =>
      this.#givePort(layer.reversed, program.graph.outputs[i]!, room, isSwapped(this.#call.shape)),
    )
    return [...ports, ...gives]
  }

  #takePort(index: number, value: Value): Port {
    const { layers, runtime } = this.#stack
    const { depth, reversed } = layers[index]!
    const half = reversed ? value.columns * runtime.elementBytes : 0
    const isTop = depth === layers.at(-1)!.depth
    const address = isTop ? 0 : this.#rooms.at.between[depth]! + half
    return { value, mode: PORT.TAKE, address, ...this.#outputStrides(depth, isTop) }
  }

  #outputStrides(depth: number, isTop: boolean): Strides {
    const batchFirst = isTop && isSwapped(this.#call.shape)
    return stridesOf(this.#stack, this.#call.shape, outputColumns(this.#stack, depth), batchFirst)
  }

  /** The second direction and overlapping windows add to what is there. */
  #givePort(reversed: boolean, value: Value, room: number, batchFirst: boolean): Port {
    const { steps, batch } = this.#call.shape
    const sums = reversed || this.#spec.truncation !== undefined
    return {
      value,
      mode: sums ? PORT.GIVE_SUM : PORT.GIVE,
      address: room,
      clear: this.#spec.truncation === undefined ? 0 : bytesOf(this.#stack, [steps, batch, value.columns]),
      ...stridesOf(this.#stack, this.#call.shape, value.columns, batchFirst),
    }
  }

  #takes(): BackwardCall['takes'] {
    const { layers, runtime } = this.#stack
    const top = layers.at(-1)!.depth
    return this.#order.flatMap((index, unit) => {
      const { depth, reversed } = layers[index]!
      const program = this.#programs[index]!
      const incoming = program.graph.inputs[0]!
      if (depth !== top || this.#rooms.at.taken[index] === undefined || !program.slotOf.has(incoming)) return []
      return [{ unit, port: 0, offset: reversed ? incoming.columns * runtime.elementBytes : 0 }]
    })
  }

  #legs(plan: Plan): ConstructorParameters<typeof Itinerary>[1] {
    const { steps } = this.#call.shape
    const { segments, tapePlan } = this.#call
    const stages = this.#stack.directions === 2 ? this.#order.length : 1
    if (this.#spec.truncation) return truncatedLegs(plan, steps, this.#spec.truncation)
    if (segments.length === 0) return fullLegs(plan, stages, steps, this.#spec.stepwise)
    return Array.from({ length: stages }, (_, stage) => {
      const primal = this.#stack.directions === 2 ? this.#order[stage]! : 0
      return replayingLegs({ plan: tapePlan, stage: primal }, { plan, stage }, segments[primal]!)
    }).flat()
  }

  #inputs(plan: Plan): Record<string, Tensor> {
    if (!this.#spec.inputGradient) return {}
    const { shape } = this.#call
    const { layers } = this.#stack
    const { graph } = this.#programs[0]!
    return Object.fromEntries(
      [...layers[0]!.sized.inputs].map(([name, columns], i): [string, Tensor] => {
        const axes = [...shape.leading, columns]
        const room = this.#rooms.at.inputs[i]
        if (room !== undefined) return [name, this.#tensor(room, axes)]
        const { base } = plan.entry(this.#order.indexOf(0), graph.outputs[i]!)
        return [name, new Tensor(this.#stack.runtime, plan.storage, base, axes, 'float')]
      }),
    )
  }
}
