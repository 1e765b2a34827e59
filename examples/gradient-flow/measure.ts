/** How strongly the loss at one step depends on the state at another. */
import { type Module, type Runtime, type Tensor, createRuntime } from 'retrograd'
import { gradientByLag, gradientFlow, lyapunovSpectrum } from 'retrograd/inspect'
import { NETS, SIZES } from './nets.ts'

const BATCH = 8

/** The gradient of a random linear loss at step `loss` by the hidden state at step `step`: its norm, as a share of the norm at `loss`. */
export interface Cell {
  readonly net: string
  readonly loss: number
  readonly step: number
  readonly share: number
}

/** What paths of one lag bring to the gradient of the recurrent weights, a loss standing at every step: its norm, as a share of lag 0's. */
export interface Part {
  readonly net: string
  readonly lag: number
  readonly share: number
}

export interface Measured {
  readonly cells: Cell[]
  readonly parts: Part[]
  /** Greatest Lyapunov exponent: the rate at which gradients grow, in nats per step. */
  readonly exponents: Readonly<Record<string, number>>
}

export async function measure(steps: number, every: number): Promise<Measured> {
  const cells: Cell[] = []
  const parts: Part[] = []
  const exponents: Record<string, number> = {}
  for (const [name, make] of Object.entries(NETS)) {
    const rt = await createRuntime({ seed: 1 })
    const net = make(rt)
    const x = noise(rt, steps)
    for (let loss = every; loss <= steps; loss += every) cells.push(...row(name, net, x, loss))
    parts.push(...partsOf(name, net, x))
    exponents[name] = lyapunovSpectrum(net, x, { count: 1, every: 4 }).exponents[0]!
    net.dispose()
  }
  return { cells, parts, exponents }
}

/** Numbers in [-1, 1) that are the same for every net: a small linear congruence. */
function noise(rt: Runtime, steps: number): Tensor {
  let seed = 1
  const draw = () => (seed = (Math.imul(seed, 1664525) + 1013904223) | 0) / 2 ** 31
  const shape = [steps, BATCH, SIZES.inputSize]
  return rt.tensor(Float32Array.from({ length: steps * BATCH * SIZES.inputSize }, draw), shape)
}

/** A loss at one step alone; where it does not reach, the share is 0. */
function row(name: string, net: Module, x: Tensor, loss: number): Cell[] {
  const [steps, H] = [x.shape[0]!, SIZES.hiddenSize]
  const gradient = new Float32Array(steps * BATCH * H)
  gradient.subarray((loss - 1) * BATCH * H, loss * BATCH * H).forEach((_, i, part) => (part[i] = i % 2 ? 1 : -1))
  const output = net.runtime.tensor(gradient, [steps, BATCH, H])
  const h = Object.values(gradientFlow(net, x, { output }).states)[0]!
  output.dispose()
  return Array.from({ length: loss }, (_, i) => ({ net: name, loss, step: i + 1, share: h[i]! / h[loss - 1]! }))
}

function partsOf(name: string, net: Module, x: Tensor): Part[] {
  const [steps, H] = [x.shape[0]!, SIZES.hiddenSize]
  const output = net.runtime.tensor(
    Float32Array.from({ length: steps * BATCH * H }, (_, i) => (i % 2 ? 1 : -1)),
    [steps, BATCH, H],
  )
  const parameter = net.parameters().find((candidate) => /hh/i.test(candidate.name))!.name
  const { gradients, norms } = gradientByLag(net, x, { output, parameter })
  for (const tensor of [output, gradients]) tensor.dispose()
  return Array.from(norms, (norm, lag) => ({ net: name, lag, share: norm / norms[0]! }))
}
