/** Adjoints of layers as instruments ask for them: none forms the gradient by the module's input. */
import { type WantedGradients, adjoint } from '../program/adjoint.ts'
import type { StepGraph } from '../program/graph.ts'
import type { Layer } from '../unroll/layer.ts'
import type { OwnBackward } from './recording.ts'

export function inspectedAdjoint(
  { graph, depth }: Layer,
  options: Pick<WantedGradients, 'params' | 'totals'> = {},
): StepGraph {
  return adjoint(graph, { ...options, ...(depth === 0 && { inputs: [] }) })
}

/** A backward that forms gradients by parameters of these public names, and by no others. */
export function byParameters(names: readonly string[]): Pick<OwnBackward, 'kind' | 'make' | 'outputs'> {
  const make = (layer: Layer) => {
    const params = [...layer.params].filter(([, { name }]) => names.includes(name)).map(([param]) => param)
    return { graph: inspectedAdjoint(layer, { params }) }
  }
  return { kind: `by ${names.join(' ')}`, make, outputs: 'chunk' }
}

/** What is made of a layer once, and kept as long as the layer. */
export function perLayer<Made extends object>(make: (layer: Layer) => Made): (layer: Layer) => Made {
  const made = new WeakMap<Layer, Made>()
  return (layer) => {
    let own = made.get(layer)
    if (own === undefined) made.set(layer, (own = make(layer)))
    return own
  }
}
