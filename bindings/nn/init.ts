/**
 * Initial values for parameters, in place: `init.orthogonal(parameter.value)`. Draws are keyed by the runtime's seed and by how
 * many modules and initialisations came before. Shapes are [rows, columns]: fan-in is the number of columns.
 */
import type { Parameter } from '../module/parameters.ts'
import { LINK } from '../program/format.ts'
import {
  describeValue,
  expectNumber,
  expectOneOf,
  expectOptions,
  expectTensor,
  fail,
  shapeText,
} from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'
import { LSTM } from './lstm.ts'

export interface GainOptions {
  /** A factor; 1 if left out. For ReLU √2, for tanh 5/3 (torch.nn.init.calculate_gain). */
  gain?: number
}

export interface KaimingOptions {
  /** The negative side's slope of a leaky ReLU: gain √(2 / (1 + a²)); 0 (plain ReLU) if left out. */
  a?: number
  /** What keeps its variance: activations forward (the default) or gradients backward. */
  mode?: 'fanIn' | 'fanOut'
}

/** U(-b, b), b = gain √(6 / (fanIn + fanOut)). @see Glorot and Bengio 2010; torch.nn.init.xavier_uniform_ */
function xavierUniform(tensor: Tensor, options: GainOptions = {}): void {
  const { gain, fanIn, fanOut, core } = prepare('xavierUniform', tensor, options)
  uniform(tensor, gain * core.squareRoot(6 / (fanIn + fanOut)))
}

/** N(0, s²), s = gain √(2 / (fanIn + fanOut)). @see torch.nn.init.xavier_normal_ */
function xavierNormal(tensor: Tensor, options: GainOptions = {}): void {
  const { gain, fanIn, fanOut, core } = prepare('xavierNormal', tensor, options)
  normal(tensor, gain * core.squareRoot(2 / (fanIn + fanOut)))
}

/** U(-b, b), b = gain √(3 / fan). @see He et al. 2015; torch.nn.init.kaiming_uniform_ */
function kaimingUniform(tensor: Tensor, options: KaimingOptions = {}): void {
  uniform(tensor, kaiming('kaimingUniform', tensor, options, 3))
}

/** N(0, s²), s = gain / √fan. @see torch.nn.init.kaiming_normal_ */
function kaimingNormal(tensor: Tensor, options: KaimingOptions = {}): void {
  normal(tensor, kaiming('kaimingNormal', tensor, options, 1))
}

/** Orthonormal rows (columns, where there are more rows), Haar distributed, times gain. @see torch.nn.init.orthogonal_ */
function orthogonal(tensor: Tensor, options: GainOptions = {}): void {
  const { gain, core } = prepare('orthogonal', tensor, options)
  const [rows, columns] = tensor.shape as [number, number]
  normal(tensor, 1)
  if (rows <= columns) core.orthonormalise(rows, columns, columns, 1, gain, tensor.address)
  else core.orthonormalise(columns, rows, 1, columns, gain, tensor.address)
}

/** Ones (times gain) on the diagonal, zeros elsewhere: recurrent weights of an IRNN. @see Le et al. 2015, https://arxiv.org/abs/1504.00941 */
function identity(tensor: Tensor, options: GainOptions = {}): void {
  const { gain } = prepare('identity', tensor, options)
  const [rows, columns] = tensor.shape as [number, number]
  const { data } = tensor
  data.fill(0)
  for (let i = 0; i < Math.min(rows, columns); i++) data[i * columns + i] = gain
}

/** Sets the forget gates' bias of every layer: `value` on the input side (1 if left out), 0 on the recurrent one. @see Jozefowicz et al. 2015 */
function forgetBias(lstm: LSTM, value = 1): void {
  expectNumber('init.forgetBias', 'value', value)
  for (const { data, H, side } of biases('forgetBias', lstm)) data().fill(side === 'ih' ? value : 0, H, 2 * H)
}

/**
 * Chrono initialisation: forget bias log U(1, maxLength - 1), input bias its negative, so that memories last up to about
 * `maxLength` steps. @see Tallec and Ollivier 2018, https://arxiv.org/abs/1804.11188
 */
function chrono(lstm: LSTM, maxLength: number): void {
  if (!(typeof maxLength === 'number' && maxLength > 2 && maxLength < Infinity))
    fail('option', `init.chrono: maxLength is ${describeValue(maxLength)}; expected a number of steps > 2`)
  for (const { data, H, side } of biases('chrono', lstm)) {
    const { runtime } = lstm
    data().fill(0, 0, 2 * H)
    if (side === 'hh') continue
    const scratch = runtime.emptyTensor([Math.ceil(H / 4) * 4])
    fillUniform(runtime, scratch, 1, maxLength - 1)
    runtime.core.applyUnary(LINK.LOG, scratch.size, 0, scratch.address, scratch.address)
    const forget = scratch.data.subarray(0, H)
    data().set(forget, H)
    data().set(
      forget.map((bias) => -bias),
      0,
    )
    scratch.dispose()
  }
}

interface Bias {
  readonly data: () => Tensor['data']
  readonly H: number
  readonly side: 'ih' | 'hh'
}

function biases(who: string, lstm: LSTM): Bias[] {
  if (!(lstm instanceof LSTM)) fail('type', `init.${who}: expected an LSTM`)
  const found = lstm.parameters().filter(({ name }) => name.startsWith('bias'))
  if (found.length === 0) fail('option', `init.${who}: the LSTM has no biases`)
  const toBias = ({ name, value }: Parameter): Bias => {
    return { data: () => value.data, H: value.size / 4, side: name.startsWith('bias_ih') ? 'ih' : 'hh' }
  }
  return found.map(toBias)
}

function prepare(who: string, tensor: Tensor, options: GainOptions) {
  const { core, fanIn, fanOut } = expectMatrix(who, tensor)
  expectOptions(`init.${who}`, options, ['gain'])
  return { core, fanIn, fanOut, gain: expectNumber(`init.${who}`, 'gain', options.gain ?? 1) }
}

function kaiming(who: string, tensor: Tensor, options: KaimingOptions, variance: number): number {
  const { core, fanIn, fanOut } = expectMatrix(who, tensor)
  expectOptions(`init.${who}`, options, ['a', 'mode'])
  const a = expectNumber(`init.${who}`, 'a', options.a ?? 0)
  const mode = expectOneOf(`init.${who}`, 'mode', options.mode ?? 'fanIn', ['fanIn', 'fanOut'])
  const fan = mode === 'fanOut' ? fanOut : fanIn
  return core.squareRoot((2 / (1 + a * a)) * (variance / fan))
}

function expectMatrix(who: string, tensor: Tensor) {
  if (!(tensor instanceof Tensor)) fail('type', `init.${who}: expected a tensor`)
  expectTensor(`init.${who}`, 'tensor', tensor, tensor.runtime)
  if (tensor.shape.length !== 2)
    fail('shape', `init.${who}: tensor is ${shapeText(tensor.shape)}; expected [rows, columns]`)
  const [fanOut, fanIn] = tensor.shape as [number, number]
  return { core: tensor.runtime.core, fanIn, fanOut }
}

function uniform(tensor: Tensor, bound: number): void {
  fillUniform(tensor.runtime, tensor, -bound, bound)
}

function fillUniform(runtime: Runtime, tensor: Tensor, low: number, high: number): void {
  const [seed0, seed1] = seedWords(runtime)
  runtime.core.fillUniform(tensor.size, low, high, seed0, seed1, runtime.nextModule(), STREAM, tensor.address)
  tensor.touch()
}

function normal(tensor: Tensor, deviation: number): void {
  const { runtime } = tensor
  const [seed0, seed1] = seedWords(runtime)
  const draws = runtime.emptyTensor([tensor.size + 1])
  runtime.core.fillNormal(tensor.size, 0, deviation, seed0, seed1, runtime.nextModule(), STREAM, draws.address)
  tensor.data.set(draws.data.subarray(0, tensor.size))
  draws.dispose()
}

const seedWords = ({ seed }: Runtime): [number, number] => [seed >>> 0, Math.floor(seed / 2 ** 32)]

/** Keeps these draws apart from those of a module's own initial values. */
const STREAM = 0x1417

/** Initial values, by the names of torch.nn.init. */
export const init = {
  xavierUniform,
  xavierNormal,
  kaimingUniform,
  kaimingNormal,
  orthogonal,
  identity,
  forgetBias,
  chrono,
}
