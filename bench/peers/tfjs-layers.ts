/** TensorFlow.js as most people use it: its layers, with the activations of our nets. */
import type { Case } from '../support/case.ts'
import type { Workload } from '../support/shapes.ts'
import { type Data, type Named, batchFirst, dataOf, reordered, transposed } from './data.ts'
import { CHECKED_STEPS, type Prepare } from './peer.ts'
import { adamOf, loadTfjs } from './tfjs.ts'

/** PyTorch's i, f, g, o in Keras's order i, f, c, o; r, z, n as z, r, h. */
const ORDER = { LSTM: [0, 1, 2, 3], GRU: [1, 0, 2], RNN: [0] } as const

export const prepare: Prepare = async (key, workload, form) => {
  const tf = await loadTfjs()
  const data = dataOf(key, workload, form)
  if (workload.head) return training(tf, workload, data)
  return key === 'L2' ? streaming(tf, workload, data) : forward(tf, workload, data)
}

function forward(tf: any, workload: Workload, data: Data): Case {
  const { T, B, I, H } = workload
  const layer = recurrent(tf, workload, true)
  const model = tf.sequential({ layers: [layer] })
  layer.setWeights(recurrentWeights(tf, workload, data))
  const x = tf.tensor(batchFirst(data.input, T, B), [B, T, I])
  const call = (): Float32Array => tf.tidy(() => model.predict(x, { batchSize: B }).dataSync())
  return { check: () => [...batchFirst(call(), B, T)].slice(0, T * B * H), call }
}

/** The cell's own call, which spares the layer's bookkeeping for each step. */
function streaming(tf: any, workload: Workload, data: Data): Case {
  const { B, I, H } = workload
  const cell = tf.layers.lstmCell({ units: H, recurrentActivation: 'sigmoid', implementation: 2, inputShape: [I] })
  cell.build([B, I])
  cell.setWeights(recurrentWeights(tf, workload, data))
  const x = tf.tensor(data.input, [B, I])
  let [h, c] = [tf.zeros([B, H]), tf.zeros([B, H])]
  const call = (): Float32Array => {
    const [, nextH, nextC] = tf.tidy(() => cell.call([x, h, c], {}))
    tf.dispose([h, c])
    h = nextH
    c = nextC
    return h.dataSync()
  }
  return { check: () => Array.from({ length: CHECKED_STEPS }, () => [...call()]).flat(), call }
}

function training(tf: any, workload: Workload, data: Data): Case {
  const { T, B, I, head } = workload
  const { outputs, on, loss } = head!
  const body = recurrent(tf, workload, on === 'each')
  const dense = tf.layers.dense({ units: outputs, activation: loss === 'mse' ? 'linear' : 'softmax' })
  const model = tf.sequential({ layers: [body, dense] })
  body.setWeights(recurrentWeights(tf, workload, data))
  const { weight, bias } = data.weights
  dense.setWeights([tf.tensor(transposed(weight!), [...weight!.shape].reverse()), tf.tensor(bias!.data)])
  model.compile({ optimizer: adamOf(tf), loss: loss === 'mse' ? 'meanSquaredError' : 'categoricalCrossentropy' })
  const x = tf.tensor(batchFirst(data.input, T, B), [B, T, I])
  const y =
    loss === 'crossEntropy'
      ? tf.oneHot(tf.tensor1d(data.ids, 'int32'), outputs).toFloat()
      : on === 'last'
        ? tf.tensor(data.target, [B, outputs])
        : tf.tensor(batchFirst(data.target, T, B), [B, T, outputs])
  const call = (): Promise<number> => model.trainOnBatch(x, y)
  const check = async () => {
    const losses: number[] = []
    for (let step = 0; step < CHECKED_STEPS; step++) losses.push(await call())
    return losses
  }
  return { check, call }
}

function recurrent(tf: any, { cell, T, I, H }: Workload, returnSequences: boolean): any {
  const make = { LSTM: 'lstm', GRU: 'gru', RNN: 'simpleRNN' }[cell]
  // implementation 2: one product for all gates
  const options = { units: H, returnSequences, inputShape: [T, I], implementation: 2 }
  return tf.layers[make](cell === 'RNN' ? options : { ...options, recurrentActivation: 'sigmoid' })
}

/** Kernel, recurrent kernel, bias: both of ours added, which changes nothing but the updates of Adam. */
function recurrentWeights(tf: any, { cell }: Workload, { weights }: Data): any[] {
  const inOrder = (name: string): Named => reordered(weights[name]!, ORDER[cell])
  const matrix = (name: string) => tf.tensor(transposed(inOrder(name)), [...weights[name]!.shape].reverse())
  const [biasIh, biasHh] = [inOrder('bias_ih_l0').data, inOrder('bias_hh_l0').data]
  return [matrix('weight_ih_l0'), matrix('weight_hh_l0'), tf.tensor(biasIh.map((value, i) => value + biasHh[i]!))]
}
