/** The rows of the table, ours first, and what each can do. */
import { L1, L2, L3, L4, L5, L6, type Workload } from '../support/shapes.ts'
import type { Form, Key } from './peer.ts'

export interface Row {
  readonly name: string
  /** In this folder. */
  readonly file: string
  readonly workloads: readonly Key[]
  /** A peer written in JavaScript or WebAssembly that trains: what the training targets are held against. */
  readonly trainsInJavaScript?: boolean
  /** The net that it trains where that is not ours to the letter. */
  readonly forms?: Partial<Record<Key, Form>>
  /** Stands under the table. */
  readonly note?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly nodeFlags?: readonly string[]
  readonly stackMegabytes?: number
}

const INFERENCE: readonly Key[] = ['L1', 'L2', 'L3']
const TRAINING: readonly Key[] = ['L4', 'L5', 'L6']
export const KEYS: readonly Key[] = [...INFERENCE, ...TRAINING]
export const SHAPES: Readonly<Record<Key, Workload>> = { L1, L2, L3, L4, L5, L6 }

export const ONE_THREAD = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }

export const OURS: Row = { name: 'retrograd', file: 'ours.ts', workloads: KEYS }
export const ORT_WEB: Row = { name: 'onnxruntime-web', file: 'onnxruntime-web.ts', workloads: INFERENCE }
export const TORCH_AVX2: Row = {
  name: 'PyTorch, AVX2 kernels',
  file: 'pytorch.py',
  workloads: KEYS,
  env: { ...ONE_THREAD, OPENBLAS_CORETYPE: 'Haswell', OPENBLAS_L2_SIZE: process.env.OPENBLAS_L2_SIZE },
}

export const ROWS: readonly Row[] = [
  OURS,
  ORT_WEB,
  {
    name: 'tfjs-wasm, hand-tuned',
    file: 'tfjs-tuned.ts',
    workloads: TRAINING,
    trainsInJavaScript: true,
    note: 'one weight matrix per gate, no split or unstack, a matMul gradient of its own',
  },
  {
    name: 'tfjs-wasm, layers',
    file: 'tfjs-layers.ts',
    workloads: KEYS,
    trainsInJavaScript: true,
    forms: { L3: { resetBefore: true }, L4: { oneBias: true }, L5: { oneBias: true }, L6: { oneBias: true, resetBefore: true } },
    note: 'one bias per gate; its GRU has the reset gate before the recurrent product; where all outputs are wanted it concatenates them step by step',
  },
  {
    name: 'jax-js, wasm, jit',
    file: 'jax-js.ts',
    workloads: TRAINING,
    trainsInJavaScript: true,
    nodeFlags: ['--stack-size=200000'],
    stackMegabytes: 1000,
    note: 'steps of time unrolled, one jit for the whole training step',
  },
  {
    name: 'brain.js',
    file: 'brain.ts',
    workloads: TRAINING,
    note: 'no target: it trains another net (its own cells, predicting its next input, RMSprop-like updates after each sequence), one sequence at a time; its time is that of B sequences',
  },
  { name: 'onnxruntime-node (native)', file: 'onnxruntime-node.ts', workloads: INFERENCE },
  TORCH_AVX2,
  {
    name: 'PyTorch, AVX-512 kernels',
    file: 'pytorch.py',
    workloads: KEYS,
    env: { ...ONE_THREAD, OPENBLAS_CORETYPE: undefined, OPENBLAS_L2_SIZE: undefined },
  },
] // prettier-ignore
