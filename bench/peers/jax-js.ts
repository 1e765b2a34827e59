/**
 * jax-js on its WebAssembly backend: a whole training step, Adam included, in one jit with the steps of time unrolled
 * (it has no scan). Node has no global Worker, so it runs on one thread. Its arrays are owned: `.ref` reads one and keeps it.
 */
import { GATES, type Workload } from '../support/shapes.ts'
import { type Data, blocks, dataOf, transposed } from './data.ts'
import { CHECKED_STEPS, type Prepare } from './peer.ts'
import { loadModule } from './packages.ts'

const [RATE, BETA1, BETA2, EPSILON] = [1e-3, 0.9, 0.999, 1e-8]

export const prepare: Prepare = async (key, workload) => {
  const jax = await loadModule('@jax-js/jax')
  await jax.init('wasm')
  jax.defaultDevice('wasm')
  const np = jax.numpy
  const data = dataOf(key, workload)
  const { T, B, I, head } = workload
  const x = np.array(data.input).reshape([T, B, I])
  const target = targetOf(np, workload, data)
  let weights = weightsOf(np, workload, data)
  let [first, second] = [weights, weights].map((all) => all.map((w) => np.zeros(w.shape)))
  let [power1, power2] = [1, 1]

  const gradients = jax.valueAndGrad((w: any[], input: any, wanted: any) => {
    const output = model(jax, workload, w, input)
    if (head!.loss === 'mse') return np.mean(np.square(output.sub(wanted)))
    return np.sum(jax.nn.logSoftmax(output, -1).mul(wanted)).mul(-1 / B)
  })
  const update = jax.jit((w: any[], m: any[], v: any[], scale: any, root: any, input: any, wanted: any) => {
    const [value, grads] = gradients(
      w.map((weight) => weight.ref),
      input,
      wanted,
    )
    const nextM = m.map((moment, i) => moment.mul(BETA1).add(grads[i].ref.mul(1 - BETA1)))
    const nextV = v.map((moment, i) => moment.mul(BETA2).add(np.square(grads[i]).mul(1 - BETA2)))
    const next = w.map((weight, i) => {
      const size = np.sqrt(nextV[i].ref).mul(root.ref).add(EPSILON)
      return weight.sub(nextM[i].ref.mul(scale.ref).div(size))
    })
    scale.dispose()
    root.dispose()
    return [value, next, nextM, nextV]
  })
  const call = (): number => {
    power1 *= BETA1
    power2 *= BETA2
    const [scale, root] = [np.array(RATE / (1 - power1)), np.array(1 / Math.sqrt(1 - power2))]
    const [value, ...next] = update(weights, first, second, scale, root, x.ref, target.ref)
    ;[weights, first, second] = next
    return value.dataSync()[0]
  }
  return { check: () => Array.from({ length: CHECKED_STEPS }, call), call }
}

function targetOf(np: any, { T, B, head }: Workload, { target, ids }: Data): any {
  const { outputs, on, loss } = head!
  if (loss === 'mse') return np.array(target).reshape([on === 'each' ? T * B : B, outputs])
  const oneHot = new Float32Array(B * outputs)
  ids.forEach((id, row) => (oneHot[row * outputs + id] = 1))
  return np.array(oneHot).reshape([B, outputs])
}

/** Per gate: input and recurrent weights [inputs, outputs], both biases; then the head's weight and bias. */
function weightsOf(np: any, { cell }: Workload, { weights }: Data): any[] {
  const names = ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']
  const parts = names.map((name) => blocks(weights[name]!, GATES[cell]))
  const gates = Array.from({ length: GATES[cell] }, (_, gate) => parts.map((part) => part[gate]!)).flat()
  return [...gates, weights.weight!, weights.bias!].map((value) =>
    value.shape.length === 1 ? np.array(value.data) : np.array(transposed(value)).reshape([...value.shape].reverse()),
  )
}

function model({ numpy: np, nn }: any, { cell, T, B, H, head }: Workload, weights: any[], input: any): any {
  const gates = Array.from({ length: GATES[cell] }, (_, gate) => weights.slice(gate * 4, gate * 4 + 4))
  const [weight, bias] = weights.slice(-2)
  const fromInput = ([w, , b]: any[], x: any) => np.matmul(x.ref, w.ref).add(b.ref)
  const fromHidden = ([, w, , b]: any[], h: any) => np.matmul(h.ref, w.ref).add(b.ref)
  const both = (gate: any[], x: any, h: any) => fromInput(gate, x).add(fromHidden(gate, h))
  const hiddens: any[] = []
  let [h, c] = [np.zeros([B, H]), np.zeros([B, H])]
  for (let t = 0; t < T; t++) {
    const x = input.ref.slice(t)
    const before = h
    if (cell === 'RNN') h = np.tanh(both(gates[0]!, x, h))
    if (cell === 'LSTM') {
      const [i, f, g, o] = gates.map((gate) => both(gate, x, before))
      c = nn
        .sigmoid(f)
        .mul(c)
        .add(nn.sigmoid(i).mul(np.tanh(g)))
      h = nn.sigmoid(o).mul(np.tanh(c.ref))
    }
    if (cell === 'GRU') {
      const [r, z] = gates.slice(0, 2).map((gate) => nn.sigmoid(both(gate, x, before)))
      const n = np.tanh(fromInput(gates[2]!, x).add(r.mul(fromHidden(gates[2]!, before))))
      h = n.ref.add(z.mul(before.ref.sub(n)))
    }
    x.dispose()
    before.dispose()
    if (head!.on === 'each') hiddens.push(h.ref)
  }
  for (const owned of [...gates.flat(), input, c, ...(head!.on === 'each' ? [h] : [])]) owned.dispose()
  const features = head!.on === 'each' ? np.concatenate(hiddens, 0) : h
  return np.matmul(features, weight).add(bias)
}
