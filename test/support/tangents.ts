/** Forward along a direction, by the tangent programs of a module's stack and by differences of its own forward. */
import type { ForwardOptions, Input, Module, State } from '../../bindings/index.ts'
import { CallMemory } from '../../bindings/module/calls.ts'
import { writeLengths } from '../../bindings/module/lengths.ts'
import { tangentName } from '../../bindings/program/tangent.ts'
import type { Draws } from '../../bindings/program/plan.ts'
import { inScope } from '../../bindings/runtime/scope.ts'
import { Tensor } from '../../bindings/runtime/tensor.ts'
import type { Recorded } from '../../bindings/unroll/backward-call.ts'
import { planForward } from '../../bindings/unroll/forward-call.ts'
import { pointForward } from '../../bindings/unroll/pointing.ts'
import { tangentSpec } from '../../bindings/unroll/tangent-spec.ts'
import type { Unrolled } from '../../bindings/unroll/unrolled.ts'
import { generate } from './generator.ts'
import { norm, numbers, stateNumbers } from './nets.ts'
import { type Results, mapValues, prefixed } from './unrolling.ts'

export type Tensors = Record<string, Tensor>
export type Lengths = readonly number[]

/** Where forward is looked at: inputs and states by name. */
export interface Point {
  readonly inputs: Tensors
  readonly state: Tensors
}

/** What moves how far; parts that are left out stand still. */
export interface Direction extends Point {
  readonly parameters: Tensors
}

/** What forward gives, and the derivative of that. */
export interface Pushed {
  readonly values: Results
  readonly tangents: Results
}

export const inputsOf = (module: Unrolled): string[] => [...module.stack.layers[0]!.sized.inputs.keys()]

const asInput = (inputs: Tensors): Input => (Object.keys(inputs).length === 1 ? Object.values(inputs)[0]! : inputs)

/** Options of forward; of a module without states there is none to give. */
const optionsAt = ({ state }: Point, lengths: Lengths | undefined): ForwardOptions => ({
  ...(Object.keys(state).length > 0 && { state }),
  ...(lengths && { lengths }),
})

export function forwardAt(module: Unrolled, point: Point, lengths?: Lengths): Results {
  const { callCount } = module
  const result = module.forward(asInput(point.inputs), { ...optionsAt(point, lengths), tape: false })
  module.callCount = callCount // every call draws the same
  return resultsOf(result.output, result.state)
}

const resultsOf = (output: Tensor, state: State | undefined): Results => ({
  output: numbers(output),
  ...prefixed('state', stateNumbers(state)),
})

/** The draws that the module's next forward is keyed with. */
function nextDraws(module: Unrolled, point: Point): Draws {
  const { callCount } = module
  const tape = module.forward(asInput(point.inputs), { ...optionsAt(point, undefined), keep: true }).tape!
  module.callCount = callCount
  const { draws } = tape.data as Recorded
  tape.dispose()
  return draws
}

/** One run of the tangent programs over all steps. */
export function push(module: Unrolled, point: Point, direction: Direction, lengths?: Lengths): Pushed {
  const { stack, runtime } = module
  const draws = nextDraws(module, point)
  const { inputs, shape } = module.expectInput('push', asInput(point.inputs), lengths !== undefined)
  const hasInput = inputsOf(module).some((name) => direction.inputs[name])
  return inScope(runtime, (scope) => {
    const { parameters } = direction
    const spec = tangentSpec(stack, shape, { input: hasInput, parameters, lengths: lengths !== undefined })
    const call = planForward(new CallMemory(scope), stack, shape, spec)
    pointForward(stack, call, {
      inputs: hasInput ? [...inputs, ...inputsOf(module).map((name) => direction.inputs[name]!)] : inputs,
      initial: { ...point.state, ...twinsOf(direction.state) },
      final: call.state,
    })
    if (lengths) writeLengths(runtime, call.lengths, Int32Array.from(lengths))
    call.plan.prepare(true, draws)
    call.itinerary.run()
    const [output, moved] = call.outputs as [Tensor, Tensor]
    const names = stack.states.names
    const pick = (nameOf: (name: string) => string) =>
      Object.fromEntries(names.map((name) => [name, call.state![nameOf(name)]!]))
    const pushed = { values: resultsOf(output, pick(String)), tangents: resultsOf(moved, pick(tangentName)) }
    scope.dispose()
    return pushed
  })
}

/** Backward's answer to gradients by what forward gives, these in the form that `push` gives tangents in. */
export function pull(module: Unrolled, point: Point, gradients: Results, lengths?: Lengths): Direction {
  const { callCount } = module
  const { output, state = {} } = module.forward(asInput(point.inputs), { ...optionsAt(point, lengths), tape: true })
  module.callCount = callCount
  const seed = (tensor: Tensor, name: string) => module.runtime.tensor(gradients[name]!, tensor.shape)
  const dState = mapValues(state as Tensors, (tensor, name) => seed(tensor, `state.${name}`))
  module.zeroGrad()
  const back = module.backward({
    output: seed(output, 'output'),
    ...(Object.keys(dState).length > 0 && { state: dState }),
  })
  const inputs = back.input instanceof Tensor ? { [inputsOf(module)[0]!]: back.input } : (back.input as Tensors)
  const parameters = Object.fromEntries(module.parameters().map(({ name, grad }) => [name, grad]))
  return { inputs, state: (back.state ?? {}) as Tensors, parameters }
}

const twinsOf = (state: Tensors): Tensors =>
  Object.fromEntries(Object.entries(state).map(([name, tensor]) => [tangentName(name), tensor]))

/** Directions of length 1 over all that moves: inputs, states and the module's parameters. */
export function drawDirection(module: Module, { inputs, state }: Point, seed: number): Direction {
  const parameters = Object.fromEntries(module.parameters().map(({ name, value }) => [name, value]))
  const groups = { inputs, state, parameters }
  const drawn = mapValues(groups, (tensors, group) =>
    mapValues(tensors, ({ size }, name) => generate(seed, `${group} ${name}`, size)),
  )
  const length = norm(Object.values(drawn).flatMap((each) => Object.values(each).flatMap((values) => [...values])))
  const unit = (group: keyof typeof groups) =>
    mapValues(groups[group], ({ shape }, name) =>
      module.runtime.tensor(
        drawn[group]![name]!.map((value) => value / length),
        shape,
      ),
    )
  return { inputs: unit('inputs'), state: unit('state'), parameters: unit('parameters') }
}

/** Runs with every part of a point, and the parameters, moved by so much along a direction. */
export function movedBy<Result>(
  module: Module,
  point: Point,
  direction: Direction,
  by: number,
  run: (moved: Point) => Result,
): Result {
  const move = (tensors: Tensors, along: Tensors) =>
    mapValues(tensors, (tensor, name) => {
      const moved = tensor.clone()
      const way = along[name]?.data
      if (way) moved.data.set(tensor.data.map((value, i) => value + by * way[i]!))
      return moved
    })
  const kept = module.parameters().map(({ value }) => value.clone())
  for (const { name, value } of module.parameters()) {
    const way = direction.parameters[name]?.data
    if (way) value.data.set(value.data.map((each, i) => each + by * way[i]!))
  }
  const moved = { inputs: move(point.inputs, direction.inputs), state: move(point.state, direction.state) }
  const result = run(moved)
  for (const [i, { value }] of module.parameters().entries()) value.data.set(kept[i]!.data)
  for (const tensor of [...kept, ...Object.values(moved.inputs), ...Object.values(moved.state)]) tensor.dispose()
  return result
}
