/** What differs from call to call of one plan: where it reads and writes outside its own memory. */
import type { NamedStates } from '../module/state.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { BackwardCall, Recorded } from './backward-call.ts'
import type { ForwardCall } from './forward-call.ts'
import { type Stack, isSwapped, outputColumns, stridesOf } from './stack.ts'

/** What a planned forward reads and leaves. */
export interface ForwardEnds {
  /** In the order of the first layer's inputs. */
  readonly inputs: readonly Tensor[]
  readonly initial?: NamedStates | undefined
  readonly final?: NamedStates | undefined
}

/** Points a planned forward at what it reads and at where its states go. */
export function pointForward(stack: Stack, call: ForwardCall, { inputs, initial, final }: ForwardEnds): void {
  const { layers, states } = stack
  pointInputs(stack, call, inputs)
  for (const layer of layers.keys()) states.point(call.plan, layer, call.programs[layer]!, layer, initial, final)
}

/** Inputs are read where they lie, or come in by the first layer's ports. */
export function pointInputs(
  { directions }: Stack,
  { plan, isStaged, programs }: ForwardCall,
  inputs: readonly Tensor[],
): void {
  if (isStaged) {
    const used = inputs.filter((_, i) => plan.has(0, programs[0]!.graph.inputs[i]!))
    for (const [port, tensor] of used.entries()) plan.pointPort(0, port, tensor.address)
    return
  }
  for (let unit = 0; unit < directions; unit++) {
    for (const [i, leaf] of programs[unit]!.graph.inputs.entries()) plan.point(unit, leaf, inputs[i]!.address)
  }
}

/** Points a planned backward at what it reads and at where its states' gradients go. */
export function pointBackward(
  stack: Stack,
  { call, inputs }: Recorded,
  backward: BackwardCall,
  gradients: { output?: Tensor | undefined; state?: NamedStates | undefined },
  outgoing: NamedStates,
): void {
  const { layers, states } = stack
  const { plan, order, programs } = backward
  for (const [unit, index] of order.entries()) {
    states.pointCarries(plan, unit, programs[index]!, index, gradients.state, outgoing)
    if (layers[index]!.depth > 0 || call.isStaged) continue
    for (const [i, leaf] of layers[index]!.graph.inputs.entries()) {
      plan.point(unit, leaf, inputs[i]!.address)
      if (call.tapePlan !== call.plan) call.tapePlan.point(index, leaf, inputs[i]!.address)
    }
  }
  pointOutputGradient(stack, call, backward, gradients.output)
}

/** Without a gradient by the output, zeros for one chunk stand for all. */
export function pointOutputGradient(
  stack: Stack,
  call: ForwardCall,
  backward: BackwardCall,
  output: Tensor | undefined,
): void {
  const { shape } = call
  const { plan, order, programs, takes, zeros } = backward
  const row = outputColumns(stack) * stack.runtime.elementBytes
  const { stepStride, rowStride } = stridesOf(stack, shape, outputColumns(stack), isSwapped(shape))
  for (const { unit, port, offset } of takes) {
    if (output) plan.pointPort(unit, port, output.address + offset, stepStride, rowStride)
    else plan.pointPort(unit, port, zeros + offset, 0, row)
  }
  if (takes.length > 0) return
  const incoming = programs[order[0]!]!.graph.inputs[0]!
  plan.point(0, incoming, output ? output.address : zeros, output ? shape.batch * row : 0)
}
