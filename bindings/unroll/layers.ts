/** From cells to the layers of an unrolled module: their graphs, and their parameters in one block. */
import { type Bound, ParameterBlock } from '../module/parameters.ts'
import { Invariants } from '../program/invariants.ts'
import { type SizedCell, trace } from '../program/trace.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Shape } from '../runtime/tensor.ts'
import type { Layer } from './layer.ts'

export interface UnrolledOptions {
  /** The cells of each layer, by depth: one, or one for each direction; a layer's output is the next one's only input. */
  readonly layers: readonly (readonly SizedCell[])[]
  /** A parameter's public name. */
  readonly nameOf?: (depth: number, param: string, reversed: boolean) => string
  /** Initial values are drawn from U(-bound, bound), or U(low, high). */
  readonly boundOf: (param: string, shape: Shape) => Bound
  readonly batchFirst?: boolean
  /** States are [layers · directions, B, n] rather than [B, n]. */
  readonly layered?: boolean
  readonly fused?: boolean
  /** What keys the module's random draws; the next ordinal if left out. */
  readonly ordinal?: number
  /** The module's class. */
  readonly type: string
  /** What the module is made from, as it remembers it. */
  readonly options?: object
}

/** Traces every cell before anything is taken, so that a cell that cannot be traced costs nothing. */
export function makeLayers(runtime: Runtime, options: UnrolledOptions): { layers: Layer[]; block: ParameterBlock } {
  const cells = options.layers.flatMap((directions, depth) =>
    directions.map((sized, direction) => ({ sized, depth, reversed: direction === 1 })),
  )
  const graphs = cells.map(({ sized }) => trace(sized, { fused: options.fused ?? true }))
  const shapes = cells.flatMap(({ sized, depth, reversed }) =>
    [...sized.params].map(([param, shape]): [string, Shape] => [publicName(options, depth, param, reversed), shape]),
  )
  const block = new ParameterBlock(runtime, new Map(shapes))
  const byName = new Map(block.parameters.map((parameter) => [parameter.name, parameter]))
  const layers = cells.map(({ sized, depth, reversed }, i): Layer => {
    const params = [...sized.params.keys()].map(
      (param) => [param, byName.get(publicName(options, depth, param, reversed))!] as const,
    )
    return { sized, depth, reversed, graph: graphs[i]!, invariants: new Invariants(runtime), params: new Map(params) }
  })
  return { layers, block }
}

const publicName = ({ nameOf }: UnrolledOptions, depth: number, param: string, reversed: boolean): string =>
  nameOf ? nameOf(depth, param, reversed) : param

/** Where a parameter's initial values are drawn from, by its public name. */
export function boundsOf(layers: readonly Layer[], { boundOf }: UnrolledOptions): (name: string) => Bound {
  const bounds = new Map(
    layers.flatMap(({ params, sized }) =>
      [...params].map(([param, { name }]) => [name, boundOf(param, sized.params.get(param)!)] as const),
    ),
  )
  return (name) => bounds.get(name)!
}
