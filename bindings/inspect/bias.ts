import type { Module } from '../module/module.ts'
import type { Input } from '../module/options.ts'
import { type Truncation, expectTruncation } from '../module/truncation.ts'
import { adjoint } from '../program/adjoint.ts'
import { KIND } from '../program/format.ts'
import { expectNumber, expectPositive, fail } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Unrolled } from '../unroll/unrolled.ts'
import { type InspectOptions, Recording, expectInspected, expectOutput } from './recording.ts'

export interface BiasOptions extends InspectOptions {
  /** Steps that a loss's gradient reaches back over. */
  window: number
  /** Steps of a block of losses; the window if left out. */
  stride?: number
}

export interface TruncationBias {
  /** By parameter: the truncated gradient minus the whole one, which is minus the sum of the paths that are cut. The caller's. */
  readonly gradients: Record<string, Tensor>
  /** Their norms, and those of the whole gradients. */
  readonly norms: Record<string, number>
  readonly wholeNorms: Record<string, number>
}

/** What TBPTT(stride, window) leaves out of each parameter's gradient. Unidirectional modules. */
export function truncationBias(module: Module, input: Input, options: BiasOptions): TruncationBias {
  const who = 'truncationBias'
  const net = expectInspected(who, module, options, ['window', 'stride'])
  expectOutput(who, options)
  expectOneDirection(who, net)
  const truncation = cutOf(who, options)
  const recording = new Recording(who, net, input, options)
  try {
    const whole = wholeGradients(recording)
    try {
      const gradients = gradientsOf(recording, truncation)
      subtract(recording, gradients, whole)
      return { gradients, norms: normsOf(recording, gradients), wholeNorms: normsOf(recording, whole) }
    } finally {
      disposeAll(whole)
    }
  } finally {
    recording.dispose()
  }
}

export interface WindowOptions extends InspectOptions {
  /** The greatest bias that is borne, as a share of the whole gradient's norm (all parameters together). */
  bias: number
  /** Steps of a block of losses; 1 if left out. */
  stride?: number
}

/** The smallest window >= stride whose bias is no greater than wanted, tried one after the other; its bias beside it. */
export function smallestWindow(module: Module, input: Input, options: WindowOptions): { window: number; bias: number } {
  const who = 'smallestWindow'
  const net = expectInspected(who, module, options, ['bias', 'stride'])
  expectOutput(who, options)
  expectOneDirection(who, net)
  const wanted = expectNumber(who, 'bias', options.bias, 0)
  const stride = expectPositive(who, 'stride', options.stride ?? 1)
  const recording = new Recording(who, net, input, options)
  try {
    const whole = wholeGradients(recording)
    const norm = totalNorm(recording, whole)
    // from here on nothing is cut
    const last = stride * Math.ceil(recording.steps / stride)
    try {
      for (let window = stride; window < last; window++) {
        const gradients = gradientsOf(recording, { window, stride })
        subtract(recording, gradients, whole)
        const bias = norm === 0 ? 0 : totalNorm(recording, gradients) / norm
        disposeAll(gradients)
        if (bias <= wanted) return { window, bias }
      }
      return { window: last, bias: 0 }
    } finally {
      disposeAll(whole)
    }
  } finally {
    recording.dispose()
  }
}

function cutOf(who: string, { window, stride = window }: BiasOptions): Truncation {
  return expectTruncation(who, { window, stride })
}

function expectOneDirection(who: string, { stack }: Unrolled): void {
  if (stack.directions === 2) fail('unsupported', `${who}: the module is bidirectional; it has no one past to cut off`)
}

const wholeGradients = (recording: Recording): Record<string, Tensor> => gradientsOf(recording, undefined)

/** Gradients by all parameters, in tensors of their own. */
function gradientsOf(recording: Recording, truncation: Truncation | undefined): Record<string, Tensor> {
  const { module, stack } = recording
  const { runtime } = module
  const tensors = Object.fromEntries(
    module.parameters().map(({ name, value }): [string, Tensor] => [name, runtime.emptyTensor(value.shape)]),
  )
  const backward = recording.backward({
    kind: 'parameters',
    make: ({ graph, depth }) => ({ graph: adjoint(graph, depth === 0 ? { inputs: [] } : {}) }),
    outputs: 'chunk',
    truncation,
    gradient: (layer, param) => {
      const { name } = stack.layers[layer]!.params.get(param)!
      return { base: tensors[name]!.address, stride: 0, kind: KIND.TIMED }
    },
  })
  backward.run()
  backward.dispose()
  return tensors
}

/** a -= b, by name. */
function subtract({ module }: Recording, a: Record<string, Tensor>, b: Record<string, Tensor>): void {
  for (const [name, { address, size }] of Object.entries(a))
    module.runtime.core.addScaled(size, -1, b[name]!.address, address)
}

function normsOf({ module }: Recording, tensors: Record<string, Tensor>): Record<string, number> {
  const { core } = module.runtime
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { size, address }]) => [
      name,
      core.squareRoot(core.dot(size, address, address)),
    ]),
  )
}

function totalNorm({ module }: Recording, tensors: Record<string, Tensor>): number {
  const { core } = module.runtime
  const squares = Object.values(tensors).map(({ size, address }) => core.dot(size, address, address))
  return core.squareRoot(squares.reduce((sum, square) => sum + square, 0))
}

const disposeAll = (tensors: Record<string, Tensor>): void => {
  for (const tensor of Object.values(tensors)) tensor.dispose()
}
