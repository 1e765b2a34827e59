import type { Module } from '../module/module.ts'
import type { Input } from '../module/options.ts'
import { type Truncation, expectTruncation } from '../module/truncation.ts'
import { expectNumber, expectPositive } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { parameterEntry } from '../unroll/stack.ts'
import { byParameters } from './adjoints.ts'
import { type InspectOptions, expectCausal, expectInspected, expectOutput, parameterNames } from './options.ts'
import { Recording } from './recording.ts'
import { type Tensors, disposeTensors, normAt } from './tensors.ts'

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
  expectCausal(who, net, NO_PAST)
  const { window, stride = window } = options
  const truncation = expectTruncation(who, { window, stride })
  return new Recording(who, net, input, options).look((recording) =>
    besideWhole(recording, (whole) => {
      const gradients = biasOf(recording, truncation, whole)
      return { gradients, norms: normsOf(net.runtime, gradients), wholeNorms: normsOf(net.runtime, whole) }
    }),
  )
}

const NO_PAST = 'it has no one past to cut off'

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
  expectCausal(who, net, NO_PAST)
  const wanted = expectNumber(who, 'bias', options.bias, 0)
  const stride = expectPositive(who, 'stride', options.stride ?? 1)
  return new Recording(who, net, input, options).look((recording) => {
    // from here on nothing is cut
    const last = stride * Math.ceil(recording.steps / stride)
    return besideWhole(recording, (whole) => {
      for (let window = stride; window < last; window++) {
        const bias = shareOf(recording, { window, stride }, whole)
        if (bias <= wanted) return { window, bias }
      }
      return { window: last, bias: 0 }
    })
  })
}

/** Truncated gradients minus the whole ones, in tensors of their own. */
function biasOf(recording: Recording, truncation: Truncation, whole: Tensors): Record<string, Tensor> {
  const { core } = recording.module.runtime
  const gradients = gradientsOf(recording, truncation)
  for (const [name, { address, size }] of Object.entries(gradients))
    core.addScaled(size, -1, whole[name]!.address, address)
  return gradients
}

/** Its norm as a share of the whole gradient's. */
function shareOf(recording: Recording, truncation: Truncation, whole: Tensors): number {
  const { runtime } = recording.module
  const bias = biasOf(recording, truncation, whole)
  const norm = totalNorm(runtime, whole)
  const share = norm === 0 ? 0 : totalNorm(runtime, bias) / norm
  disposeTensors(bias)
  return share
}

/** What `compare` makes of the whole gradients, which end then. */
function besideWhole<Seen>(recording: Recording, compare: (whole: Tensors) => Seen): Seen {
  const whole = gradientsOf(recording, undefined)
  try {
    return compare(whole)
  } finally {
    disposeTensors(whole)
  }
}

/** Gradients by all parameters, in tensors of their own. */
function gradientsOf(recording: Recording, truncation: Truncation | undefined): Record<string, Tensor> {
  const { module, stack } = recording
  const tensors = Object.fromEntries(
    module.parameters().map(({ name, value }): [string, Tensor] => [name, module.runtime.emptyTensor(value.shape)]),
  )
  const gradient = (layer: number, param: string) =>
    parameterEntry(tensors[stack.layers[layer]!.params.get(param)!.name]!)
  return recording.runBackward({ ...byParameters(parameterNames(module)), truncation, gradient }, () => tensors)
}

function normsOf(runtime: Runtime, tensors: Tensors): Record<string, number> {
  const norms = Object.entries(tensors).map(([name, { size, address }]) => [name, normAt(runtime, size, address)])
  return Object.fromEntries(norms)
}

function totalNorm({ core }: Runtime, tensors: Tensors): number {
  const squares = Object.values(tensors).map(({ size, address }) => core.dot(size, address, address))
  return core.squareRoot(squares.reduce((sum, square) => sum + square, 0))
}
