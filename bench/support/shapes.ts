/** The models and products that are timed: sizes from real use (FACTS.md, workloads L1 to L6). */
export interface Workload {
  readonly name: string
  readonly cell: 'LSTM' | 'GRU' | 'RNN'
  /** Rows, steps, input and hidden size. */
  readonly B: number
  readonly T: number
  readonly I: number
  readonly H: number
  /** A Linear to that many outputs, on the last step or on each; none where only the forward pass is timed. */
  readonly head?: { readonly outputs: number; readonly on: 'last' | 'each'; readonly loss: 'mse' | 'crossEntropy' }
}

export const L1: Workload = { name: 'L1 LSTM forward', cell: 'LSTM', B: 1, T: 128, I: 64, H: 128 }
export const L2: Workload = { name: 'L2 LSTM step', cell: 'LSTM', B: 1, T: 1, I: 64, H: 256 }
export const L3: Workload = { name: 'L3 GRU forward', cell: 'GRU', B: 32, T: 128, I: 128, H: 256 }
export const L4: Workload = {
  name: 'L4 LSTM training step', cell: 'LSTM', B: 32, T: 64, I: 64, H: 128, head: { outputs: 8, on: 'last', loss: 'mse' },
} // prettier-ignore
export const L5: Workload = {
  name: 'L5 RNN training step', cell: 'RNN', B: 32, T: 784, I: 1, H: 128, head: { outputs: 10, on: 'last', loss: 'crossEntropy' },
} // prettier-ignore
export const L6: Workload = {
  name: 'L6 GRU training step', cell: 'GRU', B: 64, T: 100, I: 32, H: 256, head: { outputs: 1, on: 'each', loss: 'mse' },
} // prettier-ignore

/** Blocks in a cell's weights. */
export const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const

/** C[rows, columns] += A B over `depth` terms; `tn`: the rows of A and B are summed over (`depth` of them). */
export interface Product {
  readonly form: 'packed' | 'tn'
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly use: string
}

const product = (form: Product['form'], use: string, rows: number, columns: number, depth: number): Product => ({ form, use, rows, columns, depth }) // prettier-ignore

export const SQUARES: readonly Product[] = [128, 256, 512, 1024].map((n) => product('packed', 'square', n, n, n))

export const RNN_PRODUCTS: readonly Product[] = [
  product('packed', 'L1 recurrent step', 1, 512, 128),
  product('packed', 'L1 input projection', 128, 512, 64),
  product('packed', 'L4 recurrent step', 32, 512, 128),
  product('packed', 'L4 input projection', 256, 512, 64),
  product('packed', 'L4 backward step', 32, 128, 512),
  product('tn', 'L4 gradient of weight_hh', 512, 128, 256),
  product('tn', 'L4 gradient of weight_ih', 512, 64, 256),
  product('packed', 'L5 recurrent step', 32, 128, 128),
  product('tn', 'L5 gradient of weight_hh', 128, 128, 256),
  product('packed', 'L3 recurrent step', 32, 768, 256),
  product('packed', 'L3 input projection', 256, 768, 128),
  product('packed', 'L6 recurrent step', 64, 768, 256),
  product('packed', 'L6 input projection', 256, 768, 32),
  product('packed', 'L6 backward step', 64, 256, 768),
  product('tn', 'L6 gradient of weight_hh', 768, 256, 256),
  product('tn', 'L6 gradient of weight_ih', 768, 32, 256),
]

/** One row by a matrix [columns, depth]: the streaming step. */
export const ROW_PRODUCTS: readonly Product[] = [
  product('packed', 'L1 recurrent step', 1, 512, 128),
  product('packed', 'L2 input', 1, 1024, 64),
  product('packed', 'L2 recurrent', 1, 1024, 256),
  product('packed', 'GRU 256', 1, 768, 256),
  product('packed', 'LSTM 512', 1, 2048, 512),
]

export const flopsOf = ({ rows, columns, depth }: Product): number => 2 * rows * columns * depth
