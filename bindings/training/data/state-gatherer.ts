import { type State, mapTensors, stateTensors } from '../../module/state.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import { type Chosen, Gatherer } from './gatherer.ts'

/** Picks samples out of states, whose last axes are those of samples and of columns; what samples share (a count of steps) stays. */
export class StateGatherer {
  readonly #runtime: Runtime
  readonly #name: string
  readonly #gatherers = new Map<string, Gatherer>()

  constructor(runtime: Runtime, name: string) {
    this.#runtime = runtime
    this.#name = name
  }

  gather(state: State, chosen: Chosen | undefined): State {
    const paths = stateTensors(state).map(([path]) => path)
    let next = 0
    return mapTensors(state, (tensor) => this.#pick(paths[next++]!, tensor, chosen))
  }

  dispose(): void {
    for (const gatherer of this.#gatherers.values()) gatherer.dispose()
  }

  #pick(path: string, tensor: Tensor, chosen: Chosen | undefined): Tensor {
    let gatherer = this.#gatherers.get(path)
    if (!gatherer) this.#gatherers.set(path, (gatherer = new Gatherer(this.#runtime, `${this.#name}.${path}`)))
    const axis = tensor.shape.length - 2
    return gatherer.samples(tensor, axis, axis < 0 ? undefined : chosen)
  }
}
