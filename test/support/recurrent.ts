/** A recorded case of a recurrent layer, run by retrograd. */
import { GRU, LSTM, RNN, type Module, type Runtime, type Tensor } from '../../bindings/index.ts'
import type { RecurrentCase } from '../fixtures/read.ts'
import { generate } from './generator.ts'
import { drawTensor } from './nets.ts'

export type Numbers = ArrayLike<number>
export type StateDict = Record<string, { shape: number[]; data: Float64Array }>

const LAYERS = { RNN, LSTM, GRU }

export const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1)

/** A parameter's shape by its name; its values come from the generator. */
export function stateDict(module: Module, seed: number, scale: number): StateDict {
  return Object.fromEntries(
    Object.entries(module.stateDict()).map(([name, { shape }]) => {
      const data = generate(seed, name, size(shape), scale)
      return [name, { shape: [...shape], data }]
    }),
  )
}

/** The shapes that a case's options give; `h` is projected where they say so, `c` never is. */
export function shapesOf({ module, options, T, B }: RecurrentCase) {
  const { inputSize, hiddenSize, numLayers, batchFirst, bidirectional, projSize } = options
  const [directions, columns] = [bidirectional ? 2 : 1, projSize ?? hiddenSize]
  const lead = batchFirst ? [B, T] : [T, B]
  const h = [numLayers * directions, B, columns]
  const state: Record<string, number[]> = {
    h,
    ...(module === 'LSTM' && { c: [numLayers * directions, B, hiddenSize] }),
  }
  return { input: [...lead, inputSize], output: [...lead, directions * columns], state, directions }
}

/** Forward and backward: everything that PyTorch's autograd gives. */
export function runRecurrent(rt: Runtime, c: RecurrentCase): Record<string, Numbers> {
  const shapes = shapesOf(c)
  const layer: Module = new LAYERS[c.module](rt, c.options as never)
  layer.loadStateDict(stateDict(layer, c.seed, c.parameterScale))
  const states = (prefix: string): Record<string, Tensor> =>
    mapValues(shapes.state, (shape, name) => drawTensor(rt, c.seed, `${prefix}.${name}`, shape))

  const { output, state } = layer.forward(drawTensor(rt, c.seed, 'input', shapes.input), {
    tape: true,
    ...(c.state && { state: states('state') }),
    ...(c.lengths && { lengths: c.lengths }),
  })
  const gradients = layer.backward({
    output: drawTensor(rt, c.seed, 'd.output', shapes.output),
    state: states('d.state'),
  })
  return {
    output: output.data,
    ...prefixed('state', state as Record<string, Tensor>),
    'grad.input': (gradients.input as Tensor).data,
    ...(c.state ? prefixed('grad.state', gradients.state as Record<string, Tensor>) : {}),
    ...parameterGradients(layer),
  }
}

function mapValues<A, B>(values: Record<string, A>, map: (value: A, name: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value, name)]))
}

function prefixed(prefix: string, tensors: Record<string, Tensor>): Record<string, Numbers> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [`${prefix}.${name}`, data]))
}

export function parameterGradients(module: Module): Record<string, Numbers> {
  return Object.fromEntries(module.parameters().map(({ name, grad }) => [`grad.${name}`, grad.data]))
}
