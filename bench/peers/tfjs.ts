/** TensorFlow.js on its WebAssembly backend, one thread. */
import { load } from './packages.ts'

/** The library, ready, with `layers` in it; `any`, for its types are there only once it is installed. */
export async function loadTfjs(): Promise<any> {
  const tf = load('@tensorflow/tfjs') // the core, layers, gradients and methods of tensors
  load('@tensorflow/tfjs-backend-wasm').setThreadsCount(1)
  tf.enableProdMode()
  if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend did not start')
  return tf
}

/** Our Adam's numbers: tfjs's own epsilon is 1e-7. */
export const adamOf = (tf: any) => tf.train.adam(1e-3, 0.9, 0.999, 1e-8)
