/** What fuzzed calls are made with, and by what it is seen whether a refused one changed anything. */
import {
  Adam,
  type Cell,
  DEQ,
  ExponentialMovingAverage,
  GRU,
  LSTM,
  LastStep,
  Linear,
  type Module,
  Recurrent,
  type Runtime,
  Sequential,
  StepLR,
  type Tensor,
  createRuntime,
  defineCell,
} from '../../bindings/index.ts'
import * as ops from '../../bindings/ops.ts'
import { drawParameters, drawTensor } from '../support/nets.ts'

export const [T, B, I, H] = [4, 3, 2, 3]

export interface World {
  readonly rt: Runtime
  readonly foreign: Runtime
  readonly gru: GRU
  readonly lstm: LSTM
  readonly net: Sequential
  readonly deq: DEQ
  readonly recurrent: Recurrent
  readonly cell: Cell
  readonly optimizer: Adam
  readonly schedule: StepLR
  readonly ema: ExponentialMovingAverage
  /** [T, B, I] */
  readonly x: Tensor
  /** [B, I] */
  readonly row: Tensor
  /** [T, B, H] */
  readonly dOutput: Tensor
  /** Of `net`'s output. */
  readonly target: Tensor
  /** Things of the wrong runtime, shape, kind or age. */
  readonly wrong: Readonly<Record<string, unknown>>
  /** Everything whose numbers may not change. */
  readonly modules: readonly Module[]
}

export async function makeWorld(seed = 1): Promise<World> {
  const rt = await createRuntime({ seed, variant: 'simd' })
  const foreign = await createRuntime({ seed, variant: 'simd' })
  const gru = new GRU(rt, { inputSize: I, hiddenSize: H })
  const lstm = new LSTM(rt, { inputSize: I, hiddenSize: H, bidirectional: true, dropout: 0.5, numLayers: 2 })
  const net = new Sequential(rt, [
    new GRU(rt, { inputSize: I, hiddenSize: H }),
    new LastStep(rt),
    new Linear(rt, { inFeatures: H, outFeatures: 2 }),
  ])
  const deq = new DEQ(rt, { inputSize: I, hiddenSize: H })
  const cell = defineCell({
    state: { h: 'H' },
    input: { x: 'I' },
    params: { W: ['H', 'I'], U: ['H', 'H'] },
    step: ({ x, h, W, U }) => {
      const next = ops.tanh(ops.add(ops.linear(x!, W!), ops.linear(h!, U!)))
      return { state: { h: next }, output: next }
    },
  })
  const recurrent = new Recurrent(rt, { cell, sizes: { H, I } })
  const modules = [gru, lstm, net, deq, recurrent]
  for (const [i, module] of modules.entries()) drawParameters(module, seed + i, 0.3)
  const optimizer = new Adam(net)
  const gone = rt.tensor([1, 2])
  gone.dispose()
  const dead = new Linear(rt, { inFeatures: I, outFeatures: 1 })
  dead.dispose()
  return {
    rt,
    foreign,
    gru,
    lstm,
    net,
    deq,
    recurrent,
    cell,
    optimizer,
    schedule: new StepLR(optimizer, { stepSize: 2 }),
    ema: new ExponentialMovingAverage(net),
    x: drawTensor(rt, seed, 'x', [T, B, I]),
    row: drawTensor(rt, seed, 'row', [B, I]),
    dOutput: drawTensor(rt, seed, 'd', [T, B, H]),
    target: drawTensor(rt, seed, 'y', [B, 2]),
    wrong: {
      'a disposed tensor': gone,
      "another runtime's tensor": drawTensor(foreign, seed, 'x', [T, B, I]),
      'a tensor of other sizes': drawTensor(rt, seed, 'x', [7, 5]),
      'a tensor without elements': rt.tensor([], [0, 3]),
      'a tensor without axes': rt.tensor([1], []),
      'a tensor of ids': rt.indices([1, -7, 900]),
      'a disposed module': dead,
      "another runtime's module": new Linear(foreign, { inFeatures: I, outFeatures: 1 }),
    },
    modules,
  }
}

/** All that a refused call may not change, by name. */
export function fingerprint({ modules, optimizer, schedule, ema, x, row, dOutput, target }: World): Fingerprint {
  const found: Record<string, unknown> = {}
  for (const [i, module] of modules.entries()) {
    const who = `${module.type} ${i}`
    for (const { name, value, grad } of module.parameters())
      [found[`${who}: ${name}`], found[`${who}: gradient of ${name}`]] = [hash(value.data), hash(grad.data)]
    for (const [k, { training, callCount, disposed }] of module.descendants().entries())
      found[`${who}: mode, training calls and life of module ${k}`] = [training, callCount, disposed].join()
  }
  for (const [name, part] of Object.entries({ optimizer, schedule, ema }))
    found[name] = JSON.stringify(part.stateDict(), typed)
  for (const [name, tensor] of Object.entries({ x, row, dOutput, target }))
    found[name] = tensor.disposed ? 'disposed' : hash(tensor.data)
  return found
}

export type Fingerprint = Readonly<Record<string, unknown>>

/** What is not as it was. */
export const differences = (before: Fingerprint, after: Fingerprint): string[] =>
  Object.keys(before).filter((name) => before[name] !== after[name])

const typed = (_: string, value: unknown) => (ArrayBuffer.isView(value) ? hash(value as Float32Array) : value)

/** Bits of numbers, so that -0 and NaN count (FNV-1a over words). */
function hash(data: ArrayLike<number> & ArrayBufferView): number {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.byteLength / 4)
  let h = 0x811c9dc5
  for (const word of words) h = Math.imul(h ^ word, 0x01000193)
  return h >>> 0
}

/** What a training step and a stream give: the same bits whatever was refused before. */
export function probe({ gru, x, dOutput }: World): string {
  const wasTraining = gru.training
  gru.eval()
  const { output, state } = gru.forward(x, { tape: true })
  const found = [hash(output.data)]
  const { input } = gru.backward({ output: dOutput })
  found.push(hash((input as Tensor).data))
  gru.zeroGrad()
  found.push(hash(gru.step([0.5, -1, 1, 0, 2, 0.25], state).output.data))
  if (wasTraining) gru.train()
  return found.join()
}

export function endWorld({ rt, foreign }: World): void {
  rt.dispose()
  foreign.dispose()
}
