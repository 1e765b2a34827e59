/** ONNX Runtime in WebAssembly: one call for U u + b, then one for each iteration, tested in JavaScript. */
import { writeOnnx } from '../peers/onnx-format.ts'
import { loadWeb, sessionOf } from '../peers/onnx-runtime.ts'
import { type Case, Unavailable } from '../support/case.ts'
import { type PlainKey, TOLERANCE } from './plain.ts'
import type { Problem } from './problems.ts'

export async function prepare(key: PlainKey, problem: Problem): Promise<Case> {
  if (key === 'training') throw new Unavailable('it has no gradients')
  const ort = loadWeb()
  const { B, I, n } = problem
  const context = await sessionOf(ort, contextModel(problem))
  const step = await sessionOf(ort, stepModel(problem))
  const X = new ort.Tensor('float32', Float32Array.from(problem.u), [B, I])
  const zeros = new ort.Tensor('float32', new Float32Array(B * n), [B, n])
  const call = async () => {
    const { C } = await context.run({ X })
    let Z = zeros
    for (;;) {
      const { F } = await step.run({ Z, C: C! })
      if (isClose(F!.data, Z.data)) return F!
      Z = F!
    }
  }
  return { check: async () => [...(await call()).data], call }
}

/** ‖f - z‖ <= tolerance ‖f‖. */
function isClose(f: Float32Array, z: Float32Array): boolean {
  let [difference, size] = [0, 0]
  for (let i = 0; i < f.length; i++) {
    difference += (f[i]! - z[i]!) ** 2
    size += f[i]! ** 2
  }
  return Math.sqrt(difference) <= TOLERANCE * Math.sqrt(size)
}

/** C = X Uᵀ + b. */
const contextModel = ({ B, I, n, U, b }: Problem): Uint8Array =>
  writeOnnx({
    nodes: [{ op: 'Gemm', inputs: ['X', 'U', 'b'], outputs: ['C'], attributes: { transB: 1 } }],
    weights: { U: { shape: [n, I], data: Float32Array.from(U) }, b: { shape: [n], data: Float32Array.from(b) } },
    inputs: { X: [B, I] },
    outputs: { C: [B, n] },
  })

/** F = φ(Z Wᵀ + C). W is stored transposed: so its product is the faster. */
function stepModel({ B, n, W, nonlinearity }: Problem): Uint8Array {
  const transposed = Float32Array.from(W, (_, i) => W[(i % n) * n + Math.floor(i / n)]!)
  return writeOnnx({
    nodes: [
      { op: 'Gemm', inputs: ['Z', 'W', 'C'], outputs: ['A'] },
      { op: nonlinearity === 'tanh' ? 'Tanh' : 'Identity', inputs: ['A'], outputs: ['F'] },
    ],
    weights: { W: { shape: [n, n], data: transposed } },
    inputs: { Z: [B, n], C: [B, n] },
    outputs: { F: [B, n] },
  })
}
