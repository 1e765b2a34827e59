/** What one training step keeps in memory, by depth: measured, not computed. */
import { createRuntime, DEQ, type DEQOptions, type Module, RNN, type Runtime, type Tensor } from 'retrograd'
import { PIXELS } from '../digits/data.ts'
import { formatTable } from '../kit/table.ts'
import { check } from './check.ts'

export const HIDDEN = 96
export const BATCH = 100
/** Greatest number of iterations; what a solver notes of each takes memory once, however many there are. */
const MAX_ITERATIONS = 512
/** z' = tanh(0.985 z + U x) converges slowly: the tighter the tolerance, the more iterations there are to measure with. */
const SLOW = 0.985
const INPUT_SCALE = 0.02
const TOLERANCES = [0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5]

type SolveOptions = Pick<DEQOptions, 'solver' | 'adjoint'>

/** To the fixed point by plain iteration, and back by the Neumann series. */
export const implicit = (tol: number): SolveOptions => ({
  solver: { name: 'picard', tol, mode: 'relative', maxIter: MAX_ITERATIONS },
  adjoint: { name: 'neumann', tol, maxIter: MAX_ITERATIONS },
})

const accelerated = (tol: number): SolveOptions => ({
  solver: { name: 'anderson', tol, mode: 'relative' },
  adjoint: { name: 'bicgstab', tol },
})

/**
 * So many layers and no more: plain iteration from 0 whose tolerance is out of reach, then back through every one of them. As F contracts,
 * the last iterate is the best, so it is the one that is returned. Of each layer the tape keeps z alone, as little as an unrolled net can.
 */
export const unrolled = (layers: number): SolveOptions => ({
  solver: { name: 'picard', tol: 1e-30, mode: 'absolute', maxIter: layers, onFailure: 'accept' },
  adjoint: 'unrolled',
})

interface Measured {
  /** Layers, or iterations: the mean over the batch. */
  readonly depth: number
  readonly bytes: number
}

export type Memory = Readonly<Record<'rnn' | 'unrolled' | 'accelerated' | 'implicit', readonly Measured[]>>

export async function memoryByDepth(depths: readonly number[]): Promise<Memory> {
  const memory: Record<keyof Memory, Measured[]> = { rnn: [], unrolled: [], accelerated: [], implicit: [] }
  for (const depth of depths) {
    const [net, rnn] = [await ofDeq(unrolled(depth)), await ofRnn(depth)]
    memory.unrolled.push(net)
    memory.rnn.push(rnn)
    checkSame(net.output, rnn.output, depth)
  }
  for (const tol of TOLERANCES) {
    memory.implicit.push(await ofDeq(implicit(tol)))
    memory.accelerated.push(await ofDeq(accelerated(tol)))
  }
  report(memory)
  return memory
}

async function ofDeq(options: SolveOptions): Promise<Measured & { output: Float32Array }> {
  const rt = await createRuntime({ seed: 1 })
  const deq = new DEQ(rt, { inputSize: PIXELS, hiddenSize: HIDDEN, ...options })
  setWeights(deq, ['weight_hh', 'weight_ih', 'bias'])
  const [input, output] = [inputOf(rt), rt.tensor(new Float32Array(BATCH * HIDDEN).fill(1), [BATCH, HIDDEN])]
  const before = rt.memoryUsed
  const result = deq.forward(input)
  deq.backward({ output }, { inputGradient: false })
  const bytes = rt.memoryUsed - before
  const depth = result.info.iterations.reduce((sum, count) => sum + count, 0) / BATCH
  const z = Float32Array.from(result.output.data)
  rt.dispose()
  return { depth, bytes, output: z }
}

async function ofRnn(layers: number): Promise<Measured & { output: Float32Array }> {
  const rt = await createRuntime({ seed: 1 })
  const rnn = new RNN(rt, { inputSize: PIXELS, hiddenSize: HIDDEN })
  setWeights(rnn, ['weight_hh_l0', 'weight_ih_l0', 'bias_ih_l0'])
  const [input, h] = [inputOf(rt, layers), rt.tensor(new Float32Array(BATCH * HIDDEN).fill(1), [1, BATCH, HIDDEN])]
  const before = rt.memoryUsed
  const { state } = rnn.forward(input)
  rnn.backward({ state: { h } }, { inputGradient: false })
  // without the copy of its input that a recording forward keeps: these inputs are one, over and over
  const bytes = rt.memoryUsed - before - input.data.byteLength
  const z = Float32Array.from((state as { h: Tensor }).h.data)
  rt.dispose()
  return { depth: layers, bytes, output: z }
}

/** W a multiple of the identity, U a fixed pattern of small numbers, no bias. */
function setWeights(module: Module, [W, U]: readonly string[]): void {
  for (const { name, value } of module.parameters()) {
    const at = (i: number): number => {
      if (name === W) return i % (HIDDEN + 1) === 0 ? SLOW : 0
      return name === U ? (INPUT_SCALE * (((i * 37) % 101) - 50)) / 50 : 0
    }
    value.data.set(Float32Array.from({ length: value.size }, (_, i) => at(i)))
  }
}

/** [BATCH, PIXELS], or so many copies of it one after the other. */
function inputOf(rt: Runtime, copies?: number): Tensor {
  const once = Array.from({ length: BATCH * PIXELS }, (_, i) => ((i * 53) % 97) / 97)
  if (copies === undefined) return rt.tensor(once, [BATCH, PIXELS])
  return rt.tensor(Array.from({ length: copies }, () => once).flat(), [copies, BATCH, PIXELS])
}

/** Sums of PIXELS + HIDDEN terms of size 1 at most, in float32, each step's error shrinking by SLOW. */
function checkSame(a: Float32Array, b: Float32Array, layers: number): void {
  const tolerance = ((PIXELS + HIDDEN) * 2 ** -24) / (1 - SLOW)
  const apart = Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))
  check(apart <= tolerance, `${layers} iterations are ${layers} steps of an RNN: ${apart} apart`)
}

function report(memory: Memory): void {
  const perLayer = (points: readonly Measured[]) => {
    const [first, last] = [points[0]!, points.at(-1)!]
    return (last.bytes - first.bytes) / (last.depth - first.depth)
  }
  const row = (name: string, points: readonly Measured[]) => [
    name,
    `${points[0]!.depth.toFixed(0)} to ${points.at(-1)!.depth.toFixed(0)}`,
    `${megabytes(points[0]!)} to ${megabytes(points.at(-1)!)}`,
    (perLayer(points) / 1024).toFixed(1),
  ]
  const rows = [
    row('RNN over copies of the input', memory.rnn),
    row('unrolled', memory.unrolled),
    row('implicit: anderson, bicgstab', memory.accelerated),
    row('implicit: picard, neumann', memory.implicit),
  ]
  console.log(`\nWorkspace of one training step, n = ${HIDDEN}, batches of ${BATCH}`)
  console.log(formatTable(['', 'depth', 'MB', 'KB per layer'], rows))
  const state = BATCH * HIDDEN * 4
  for (const points of [memory.rnn, memory.unrolled]) {
    check(Math.abs(perLayer(points) / state - 1) < 0.1, 'an unrolled net keeps one state more for each layer more')
  }
  for (const points of [memory.implicit, memory.accelerated]) {
    check(
      new Set(points.map(({ bytes }) => bytes)).size === 1,
      'the memory of an implicit net does not depend on its iterations',
    )
  }
}

const megabytes = ({ bytes }: Measured): string => (bytes / 2 ** 20).toFixed(2)
