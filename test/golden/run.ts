/** A module called on drawn data: every number that goes in is drawn, every number that comes out is taken. */
import type {
  BackwardOptions,
  DEQInfo,
  ForwardOptions,
  ForwardResult,
  Input,
  InputGradients,
  Module,
  Runtime,
  SolveInfo,
  State,
  Tensor,
} from '../../bindings/index.ts'
import { generateIds } from '../support/generator.ts'
import { drawTensor } from '../support/nets.ts'
import type { Findings } from './findings.ts'

/** Columns of a module's input, or of each of its inputs by name; or how many ids there are, where it takes ids. */
export type Columns = number | Readonly<Record<string, number>> | { readonly ids: number }

export interface Sizes {
  readonly T: number
  readonly B: number
  readonly columns: Columns
}

export class Run {
  readonly net: Module
  readonly rt: Runtime
  readonly sizes: Sizes
  readonly #found: Findings

  constructor(net: Module, found: Findings, sizes: Sizes) {
    this.net = net
    this.rt = net.runtime
    this.sizes = sizes
    this.#found = found
  }

  /** Steps of each sample: one has none, one has all. */
  get lengths(): number[] {
    const { T, B } = this.sizes
    return Array.from({ length: B }, (_, b) => (b === 1 ? T : (b * 11) % (T + 1)))
  }

  /** Time first, unless the module has the batch first. */
  input(name = 'x', T = this.sizes.T): Input {
    const { B } = this.sizes
    return this.#draw(name, this.net.batchFirst ? [B, T] : [T, B])
  }

  /** What one step receives. */
  row(name: string): Input {
    return this.#draw(name, [this.sizes.B])
  }

  /** Draws for every state; undefined where there is none. */
  state(name = 'state'): State | undefined {
    return drawLike(this.rt, name, this.net.initialState(this.sizes.B))
  }

  forward(label: string, input: Input, options: ForwardOptions = {}): ForwardResult {
    const result = this.net.forward(input, options)
    this.#found.take(`${label} forward`, numbersOf(result))
    return result
  }

  /** Backward from drawn gradients by the output and by the last state. */
  backward(label: string, { output, state, tape }: ForwardResult, options: BackwardOptions = {}): void {
    const gradients = { output: drawTensor(this.rt, 3, 'd', output.shape), state: drawLike(this.rt, 'dState', state) }
    const back = this.net.backward(gradients, { ...(tape && { tape }), ...options })
    this.took(`${label} backward`, back)
  }

  /** What a backward gave, and the gradients by parameters as they are now. */
  took(label: string, back: InputGradients): void {
    this.#found.take(label, numbersOf(back))
    this.#found.take(`${label} gradients`, gradientsOf(this.net))
  }

  /** One step of a stream; the state is overwritten. */
  step(label: string, input: Input, state: State | undefined): void {
    this.#found.take(`${label} step`, numbersOf(this.net.step(input, state)))
  }

  #draw(name: string, leading: readonly number[]): Input {
    const { columns } = this.sizes
    if (typeof columns === 'object' && 'ids' in columns) return this.#drawIds(name, leading, columns['ids'])
    const tensor = (key: string, n: number) => drawTensor(this.rt, 1, key, [...leading, n])
    if (typeof columns === 'number') return tensor(name, columns)
    return Object.fromEntries(Object.entries(columns).map(([key, n]) => [key, tensor(`${name} ${key}`, n)]))
  }

  #drawIds(name: string, leading: readonly number[], classes: number): Tensor {
    const count = leading.reduce((size, axis) => size * axis, 1)
    return this.rt.indices(generateIds(1, name, count, classes), leading)
  }
}

/** What a call gave: all but the tape, which has nothing to be read. */
function numbersOf({ info, ...result }: (ForwardResult | InputGradients) & { info?: SolveInfo | undefined }): object {
  return { ...result, tape: undefined, info: info && infoOf(info) }
}

/** What a solver tells, read field by field. */
export function infoOf(info: SolveInfo): object {
  const { iterations, evaluations, residual, converged, outcome, trace, rowsEvaluated, failed } = info
  const { jacobianPenalty } = info as DEQInfo
  const perSample = { iterations, evaluations, residual, converged, outcome, trace: [...trace] }
  return { ...perSample, rowsEvaluated, failed, jacobianPenalty }
}

/** Gradients by parameters; values are not read, for a read has what is packed from them made anew. */
export const gradientsOf = (net: Module): Record<string, Tensor> =>
  Object.fromEntries(net.parameters().map(({ name, grad }) => [name, grad]))

const isTensor = (part: State | Tensor): part is Tensor => !Array.isArray(part) && 'data' in part

/** Draws in place of every tensor of a state; a tensor of one number counts steps. */
export function drawLike(rt: Runtime, name: string, state: State | undefined): State | undefined {
  const draw = (path: string, part: State | Tensor | undefined): State | Tensor | undefined => {
    if (part === undefined) return undefined
    if (isTensor(part)) return part.shape.length > 1 ? drawTensor(rt, 2, path, part.shape) : rt.tensor([2])
    if (Array.isArray(part)) return part.map((entry, i) => draw(`${path}.${i}`, entry) as State | undefined)
    return Object.fromEntries(
      Object.entries(part).map(([key, tensor]) => [key, draw(`${path}.${key}`, tensor) as Tensor]),
    )
  }
  return draw(name, state) as State | undefined
}
