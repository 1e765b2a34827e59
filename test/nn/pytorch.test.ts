import { suite } from 'uvu'
import {
  Adam,
  GRU,
  LSTM,
  LastStep,
  Linear,
  SGD,
  Sequential,
  clipGradNorm,
  clipGradValue,
  crossEntropyLoss,
  mseLoss,
  type Module,
  type Runtime,
  type Tensor,
} from '../../bindings/index.ts'
import {
  FIXTURES,
  decode,
  expectValues,
  readFixture,
  type LinearCase,
  type LossCase,
  type TrainingCase,
} from '../fixtures/read.ts'
import { generate, generateIds, generateMask } from '../support/generator.ts'
import { claim, createHosts } from '../support/hosts.ts'
import { drawTensor } from '../support/nets.ts'
import {
  type Numbers,
  type StateDict,
  parameterGradients,
  runRecurrent,
  size,
  stateDict,
} from '../support/recurrent.ts'
import { maxAbs } from '../support/tolerance.ts'

const OPTIMIZERS = { SGD, Adam }
const NET_SCALE = 0.5 // of the trained nets' first parameters, as in scripts/fixtures/training.py

const fixtures = {
  recurrent: readFixture('recurrent').cases,
  linear: readFixture('linear').cases,
  losses: readFixture('losses').cases,
  training: readFixture('training').cases,
}

function runLinear(rt: Runtime, c: LinearCase): Record<string, Numbers> {
  const { inFeatures, outFeatures } = c.options
  const linear = new Linear(rt, c.options)
  linear.loadStateDict(stateDict(linear, c.seed, c.parameterScale))
  const { output } = linear.forward(drawTensor(rt, c.seed, 'input', [...c.lead, inFeatures]))
  const { input } = linear.backward({ output: drawTensor(rt, c.seed, 'd.output', [...c.lead, outFeatures]) })
  return { output: output.data, 'grad.input': (input as Tensor).data, ...parameterGradients(linear) }
}

/** Value and gradient, whichever loss the case names. The target's stream is `target`, or `target {step}`. */
function lossOf(rt: Runtime, c: { loss: string; seed: number }, prediction: Tensor, name: string, options: object) {
  const lead = prediction.shape.slice(0, -1)
  const last = prediction.shape.at(-1) as number
  if (c.loss === 'mseLoss') return mseLoss(prediction, drawTensor(rt, c.seed, name, [...lead, last]), options)
  return crossEntropyLoss(prediction, rt.indices(generateIds(c.seed, name, size(lead), last), lead), options)
}

function runLoss(rt: Runtime, c: LossCase): Record<string, Numbers> {
  const lead = c.shape.slice(0, -1)
  const mask = c.masked ? { mask: rt.tensor(generateMask(c.seed, 'mask', size(lead)), lead) } : {}
  const prediction = drawTensor(rt, c.seed, 'prediction', c.shape, c.predictionScale)
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
    const { output } = net.forward(drawTensor(rt, c.seed, `input ${step}`, [c.T, c.B, c.inputSize]))
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

const hosts = await createHosts()

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
