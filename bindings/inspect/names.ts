import type { Layer } from '../unroll/layer.ts'

/** How something of a layer is called among those of so many: `h` if there is one, else `h_l0`, `h_l0_reverse`, `h_l1`, … */
export function layerName(name: string, { depth, reversed }: Layer, layers: number): string {
  return layers === 1 ? name : `${name}_l${depth}${reversed ? '_reverse' : ''}`
}
