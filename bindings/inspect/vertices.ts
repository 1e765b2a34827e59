/** The vertices and edges of an unrolled graph: what an instrument finds and drawings show. */

export interface Vertex {
  readonly id: string
  readonly label: string
  readonly kind: 'input' | 'state' | 'output'
  /** 0: the initial state. */
  readonly step: number
  /** Rows from the bottom: inputs, then each layer's states, then outputs. */
  readonly row: number
}

export interface Edge {
  readonly from: string
  readonly to: string
  /** Steps that it spans. */
  readonly lag: number
  /** Truncation lets no gradient pass, not even one of the block of losses that ends first after it. */
  readonly cut: boolean
}

export interface Graph {
  readonly vertices: readonly Vertex[]
  readonly edges: readonly Edge[]
}
