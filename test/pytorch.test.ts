import { suite } from 'uvu'
import {
  Adam,
  GRU,
  LSTM,
  LastStep,
  Linear,
  RNN,
  SGD,
  Sequential,
  clipGradNorm,
  clipGradValue,
  createRuntime,
  crossEntropyLoss,
  mseLoss,
  type Module,
  type Runtime,
  type Tensor,
} from '../bindings/index.ts'
import {
  FIXTURES,
  decode,
  expectValues,
  readFixture,
  type LinearCase,
  type LossCase,
  type RecurrentCase,
  type TrainingCase,
} from './fixtures/read.ts'
import { generate, generateIds, generateMask } from './support/generator.ts'
import { maxAbs, type DType } from './support/tolerance.ts'

type Numbers = ArrayLike<number>
type StateDict = Record<string, { shape: number[]; data: Float64Array }>

const LAYERS = { RNN, LSTM, GRU }
const OPTIMIZERS = { SGD, Adam }
const NET_SCALE = 0.5 // of the trained nets' first parameters, as in scripts/fixtures/training.py

/** (func (param v128 v128 v128) (result v128) f32x4.relaxed_madd) as a module. */
const RELAXED_MADD = Uint8Array.from(
  Buffer.from('0061736d01000000' + '01080160037b7b7b017b' + '03020100' + '0a0d010b00200020012002fd85020b', 'hex'),
)

const HOSTS = [
  { label: 'float64', dtype: 'float64', supported: true },
  { label: 'float32, simd', dtype: 'float32', variant: 'simd', supported: true },
  {
    label: 'float32, relaxed',
    dtype: 'float32',
    variant: 'relaxed',
    supported: WebAssembly.validate(RELAXED_MADD),
  },
] as const

const fixtures = {
  recurrent: readFixture('recurrent').cases,
  linear: readFixture('linear').cases,
  losses: readFixture('losses').cases,
  training: readFixture('training').cases,
}

/** A parameter's shape by its name; its values come from the generator. */
function stateDict(module: Module, seed: number, scale: number): StateDict {
  return Object.fromEntries(
    Object.entries(module.stateDict()).map(([name, { shape }]) => {
      const data = generate(seed, name, size(shape), scale)
      return [name, { shape: [...shape], data }]
    }),
  )
}

const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1)

function tensor(rt: Runtime, seed: number, name: string, shape: number[], scale = 1): Tensor {
  return rt.tensor(generate(seed, name, size(shape), scale), shape)
}

function states(rt: Runtime, seed: number, prefix: string, names: string[], shape: number[]): Record<string, Tensor> {
  return Object.fromEntries(names.map((name) => [name, tensor(rt, seed, `${prefix}.${name}`, shape)]))
}

function prefixed(prefix: string, tensors: Record<string, Tensor>): Record<string, Numbers> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [`${prefix}.${name}`, data]))
}

function parameterGradients(module: Module): Record<string, Numbers> {
  return Object.fromEntries(module.parameters().map(({ name, grad }) => [`grad.${name}`, grad.data]))
}

/** Forward and backward of a recurrent layer: everything that PyTorch's autograd gives. */
function runRecurrent(rt: Runtime, c: RecurrentCase): Record<string, Numbers> {
  const { inputSize, hiddenSize, numLayers, batchFirst } = c.options
  const lead = batchFirst ? [c.B, c.T] : [c.T, c.B]
  const layer: Module = new LAYERS[c.module](rt, c.options as never)
  layer.loadStateDict(stateDict(layer, c.seed, c.parameterScale))
  const names = c.module === 'LSTM' ? ['h', 'c'] : ['h']
  const stateShape = [numLayers, c.B, hiddenSize]
  const given = c.state ? { state: states(rt, c.seed, 'state', names, stateShape) } : {}

  const { output, state } = layer.forward(tensor(rt, c.seed, 'input', [...lead, inputSize]), given)
  const gradients = layer.backward({
    output: tensor(rt, c.seed, 'd.output', [...lead, hiddenSize]),
    state: states(rt, c.seed, 'd.state', names, stateShape),
  })
  return {
    output: output.data,
    ...prefixed('state', state as Record<string, Tensor>),
    'grad.input': (gradients.input as Tensor).data,
    ...(c.state ? prefixed('grad.state', gradients.state as Record<string, Tensor>) : {}),
    ...parameterGradients(layer),
  }
}

function runLinear(rt: Runtime, c: LinearCase): Record<string, Numbers> {
  const { inFeatures, outFeatures } = c.options
  const linear = new Linear(rt, c.options)
  linear.loadStateDict(stateDict(linear, c.seed, c.parameterScale))
  const { output } = linear.forward(tensor(rt, c.seed, 'input', [...c.lead, inFeatures]))
  const { input } = linear.backward({ output: tensor(rt, c.seed, 'd.output', [...c.lead, outFeatures]) })
  return { output: output.data, 'grad.input': (input as Tensor).data, ...parameterGradients(linear) }
}

/** Value and gradient, whichever loss the case names. The target's stream is `target`, or `target {step}`. */
function lossOf(rt: Runtime, c: { loss: string; seed: number }, prediction: Tensor, name: string, options: object) {
  const lead = prediction.shape.slice(0, -1)
  const last = prediction.shape.at(-1) as number
  if (c.loss === 'mseLoss') return mseLoss(prediction, tensor(rt, c.seed, name, [...lead, last]), options)
  return crossEntropyLoss(prediction, rt.indices(generateIds(c.seed, name, size(lead), last), lead), options)
}

function runLoss(rt: Runtime, c: LossCase): Record<string, Numbers> {
  const lead = c.shape.slice(0, -1)
  const mask = c.masked ? { mask: rt.tensor(generateMask(c.seed, 'mask', size(lead)), lead) } : {}
  const prediction = tensor(rt, c.seed, 'prediction', c.shape, c.predictionScale)
  const { value, grad } = lossOf(rt, c, prediction, 'target', { reduction: c.reduction, ...mask })
  return { value: [value], grad: grad.data }
}

function buildNet(rt: Runtime, c: TrainingCase): Module {
  const recurrent = { inputSize: c.inputSize, hiddenSize: c.hiddenSize }
  const linear = new Linear(rt, { inFeatures: c.hiddenSize, outFeatures: c.outFeatures })
  if (c.net === 'LSTM') return new Sequential(rt, [new LSTM(rt, recurrent), linear])
  return new Sequential(rt, [new GRU(rt, recurrent), new LastStep(rt), linear])
}

/** Clips as the case asks for; the norm before clipping where it is by norm. */
function clip(net: Module, c: TrainingCase): number[] {
  if (c.clipGradNorm !== undefined) return [clipGradNorm(net, c.clipGradNorm)]
  if (c.clipGradValue !== undefined) clipGradValue(net, c.clipGradValue)
  return []
}

/** Losses, norms and final parameters; and by how far the parameters had to move. */
function runTraining(rt: Runtime, c: TrainingCase): [Record<string, Numbers>, Record<string, number>] {
  const net = buildNet(rt, c)
  const start = stateDict(net, c.seed, NET_SCALE)
  net.loadStateDict(start)
  const optimizer = new OPTIMIZERS[c.optimizer](net, c.options)
  const losses: number[] = []
  const norms: number[] = []
  for (let step = 0; step < c.steps; step++) {
    net.zeroGrad()
    const { output } = net.forward(tensor(rt, c.seed, `input ${step}`, [c.T, c.B, c.inputSize]))
    const { value, grad } = lossOf(rt, c, output, `target ${step}`, {})
    net.backward({ output: grad })
    norms.push(...clip(net, c))
    losses.push(value)
    optimizer.step()
  }
  const final = Object.entries(net.stateDict()).map(([name, { data }]) => [`final.${name}`, data])
  return [{ losses, ...(norms.length > 0 ? { norms } : {}), ...Object.fromEntries(final) }, distances(c, start)]
}

/** How far PyTorch moved each parameter: a tolerance must be small beside that, not beside the parameter. */
function distances(c: TrainingCase, start: StateDict): Record<string, number> {
  return Object.fromEntries(
    Object.entries(start).map(([name, { data }]) => {
      const final = decode(c.values[`final.${name}`].data)
      return [`final.${name}`, maxAbs(data.map((value, i) => final[i] - value))]
    }),
  )
}

/** A suite with one test per case; where the host cannot run the variant all are skipped, and the title says so. */
function claim<C extends { title: string }>(title: string, host: Host, cases: C[], check: (rt: Runtime, c: C) => void) {
  const test = suite(`${title} (${host.label}${host.rt ? '' : ': skipped, the host cannot run it'})`)
  for (const c of cases) {
    if (host.rt) test(c.title, () => check(host.rt as Runtime, c))
    else test.skip(c.title)
  }
  test.run()
}

interface Host {
  label: string
  dtype: DType
  rt?: Runtime
}

const hosts: Host[] = await Promise.all(
  HOSTS.map(async ({ label, supported, ...options }) =>
    supported ? { label, dtype: options.dtype, rt: await createRuntime(options) } : { label, dtype: options.dtype },
  ),
)

const generator = suite('the generator gives the bits that Python wrote')
for (const name of FIXTURES) {
  generator(name, () => {
    const { seed, check } = readFixture(name)
    const values = generate(seed, check.name, check.count).filter((_, i) => i % check.every === 0)
    const wrong = values.findIndex((value, i) => value !== decode(check.data)[i])
    if (wrong >= 0 || values.length === 0) throw new Error(`value ${wrong * check.every} is ${values[wrong]}`)
  })
}
generator.run()

for (const host of hosts) {
  claim("a recurrent layer gives PyTorch's outputs, states and gradients", host, fixtures.recurrent, (rt, c) =>
    expectValues(host.dtype, c, runRecurrent(rt, c)),
  )
  claim("Linear gives PyTorch's outputs and gradients", host, fixtures.linear, (rt, c) =>
    expectValues(host.dtype, c, runLinear(rt, c)),
  )
  claim("a loss gives PyTorch's value and gradient", host, fixtures.losses, (rt, c) =>
    expectValues(host.dtype, c, runLoss(rt, c)),
  )
  claim("ten steps of training give PyTorch's losses, norms and parameters", host, fixtures.training, (rt, c) =>
    expectValues(host.dtype, c, ...runTraining(rt, c)),
  )
}
