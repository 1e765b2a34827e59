/**
 * brain.js. It trains one sequence at a time and predicts each next input, so that its net, its data's use and its
 * updates are not ours: nothing can be checked, and its row is no target.
 */
import { dataOf } from './data.ts'
import { load } from './packages.ts'
import type { Prepare } from './peer.ts'

/** So small that its RNN, whose units are ReLU, stays finite over L5's 784 steps: at 1e-3 it gives NaN within seconds. */
const LEARNING_RATE = 1e-9

export const prepare: Prepare = (key, workload) => {
  const { cell, T, B, I, H } = workload
  const { input } = dataOf(key, workload)
  const Net = load('brain.js').recurrent[`${cell}TimeStep`]
  const net = new Net({ inputSize: I, hiddenLayers: [H], outputSize: I })
  const sequences = Array.from({ length: B }, (_, b) => sequence(input, T, B, b))
  let turn = 0
  const call = () => net.train([sequences[turn++ % B]], { iterations: 1, learningRate: LEARNING_RATE })
  return { call, times: B }
}

/** Sample b, and its first step once more so that T steps have a next one: numbers where I is 1, else lists. */
function sequence(input: Float32Array, T: number, B: number, b: number): (number | number[])[] {
  const I = input.length / (T * B)
  return Array.from({ length: T + 1 }, (_, step) => {
    const start = ((step % T) * B + b) * I
    return I === 1 ? input[start]! : [...input.subarray(start, start + I)]
  })
}
