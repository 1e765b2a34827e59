/**
 * TensorFlow.js as fast as we could make it train: one weight matrix per gate, so that nothing is split or unstacked,
 * and a matMul whose gradient transposes explicitly (the kernel's own transposed product runs at 1 to 3 GFLOP/s).
 */
import { GATES, type Workload } from '../support/shapes.ts'
import { type Data, type Named, blocks, dataOf, transposed } from './data.ts'
import { CHECKED_STEPS, type Prepare } from './peer.ts'
import { adamOf, loadTfjs } from './tfjs.ts'

/** Variables of one gate: weights [inputs, outputs] and both biases. */
interface Gate {
  readonly input: any
  readonly hidden: any
  readonly biasIh: any
  readonly biasHh: any
}

export const prepare: Prepare = async (key, workload) => {
  const tf = await loadTfjs()
  const data = dataOf(key, workload)
  const { T, B, I, head } = workload
  const gates = gatesOf(tf, workload, data)
  const [weight, bias] = [matrix(tf, data.weights.weight!), tf.variable(tf.tensor(data.weights.bias!.data))]
  const slice = (values: Float32Array, t: number) =>
    values.slice((t * values.length) / T, ((t + 1) * values.length) / T)
  const inputs = Array.from({ length: T }, (_, t) => tf.tensor(slice(data.input, t), [B, I]))
  const rows = head!.on === 'each' ? T * B : B
  const target =
    head!.loss === 'mse'
      ? tf.tensor(data.target, [rows, head!.outputs])
      : tf.oneHot(tf.tensor1d(data.ids, 'int32'), head!.outputs).toFloat()
  const optimizer = adamOf(tf)

  const loss = (products: Products) => {
    const hiddens = unroll(tf, workload, gates, inputs, products)
    const features = head!.on === 'each' ? tf.concat(hiddens, 0) : hiddens.at(-1)
    const output = products.ofState(features, weight).add(bias)
    if (head!.loss === 'mse') return output.sub(target).square().mean()
    return tf.losses.softmaxCrossEntropy(target, output)
  }
  const call = (): number => {
    const products = makeProducts(tf)
    const value = optimizer.minimize(() => loss(products), true)
    products.dispose()
    const [number] = value.dataSync()
    value.dispose()
    return number
  }
  return { check: () => Array.from({ length: CHECKED_STEPS }, call), call }
}

function gatesOf(tf: any, { cell }: Workload, { weights }: Data): Gate[] {
  const split = (name: string) => blocks(weights[name]!, GATES[cell])
  const [wIh, wHh, bIh, bHh] = ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0'].map(split)
  return wIh!.map((input, gate) => ({
    input: matrix(tf, input),
    hidden: matrix(tf, wHh![gate]!),
    biasIh: tf.variable(tf.tensor(bIh![gate]!.data)),
    biasHh: tf.variable(tf.tensor(bHh![gate]!.data)),
  }))
}

const matrix = (tf: any, value: Named) => tf.variable(tf.tensor(transposed(value), [...value.shape].reverse()))

interface Products {
  /** x W, where x is data and wants no gradient. */
  ofData(x: any, weight: any): any
  /** h W. */
  ofState(h: any, weight: any): any
  dispose(): void
}

/** For one training step: each weight is transposed once, however many steps of time read it. */
function makeProducts(tf: any): Products {
  const weightsTransposed = new Map<any, any>()
  const transposedOnce = (weight: any) => {
    if (!weightsTransposed.has(weight)) weightsTransposed.set(weight, tf.keep(tf.transpose(weight)))
    return weightsTransposed.get(weight)
  }
  const dWeight = (x: any, dy: any) => tf.matMul(tf.transpose(x), dy)
  return {
    ofData: (x, weight) =>
      tf.customGrad((w: any) => ({ value: tf.matMul(x, w), gradFunc: (dy: any) => [dWeight(x, dy)] }))(weight),
    ofState: (h, weight) =>
      tf.customGrad((x: any, w: any, save: (kept: any[]) => void) => {
        save([x])
        const gradFunc = (dy: any, [kept]: any[]) => [tf.matMul(dy, transposedOnce(weight)), dWeight(kept, dy)]
        return { value: tf.matMul(x, w), gradFunc }
      })(h, weight),
    dispose: () => tf.dispose([...weightsTransposed.values()]),
  }
}

/** The hidden states of all steps, [B, H] each. */
function unroll(tf: any, { cell, B, H }: Workload, gates: readonly Gate[], inputs: any[], products: Products): any[] {
  const fromInput = (gate: Gate, x: any) => products.ofData(x, gate.input).add(gate.biasIh)
  const fromHidden = (gate: Gate, h: any) => products.ofState(h, gate.hidden).add(gate.biasHh)
  const both = (gate: Gate, x: any, h: any) => fromInput(gate, x).add(fromHidden(gate, h))
  let [h, c] = [tf.zeros([B, H]), tf.zeros([B, H])]
  return inputs.map((x) => {
    if (cell === 'RNN') h = both(gates[0]!, x, h).tanh()
    if (cell === 'LSTM') {
      const [i, f, g, o] = gates.map((gate) => both(gate, x, h))
      c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()))
      h = o.sigmoid().mul(c.tanh())
    }
    if (cell === 'GRU') {
      const [r, z] = gates.map((gate) => both(gate, x, h).sigmoid())
      const n = fromInput(gates[2]!, x)
        .add(r.mul(fromHidden(gates[2]!, h)))
        .tanh()
      h = n.add(z.mul(h.sub(n)))
    }
    return h
  })
}
