/** The rows of the table, ours first, and what each can do. */
import { fileURLToPath } from 'node:url'
import type { Entrant } from '../support/contest.ts'
import { L1, L2, L3, L4, L5, L6, type Workload } from '../support/shapes.ts'
import * as torch from '../support/torch.ts'
import type { Form, Key } from './peer.ts'

export interface Row extends Entrant {
  readonly workloads: readonly Key[]
  /** A peer written in JavaScript or WebAssembly that trains: what the training targets are held against. */
  readonly trainsInJavaScript?: boolean
  /** The net that it trains where that is not ours to the letter. */
  readonly forms?: Partial<Record<Key, Form>>
  /** Stands under the table. */
  readonly note?: string
}

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

const INFERENCE: readonly Key[] = ['L1', 'L2', 'L3']
const TRAINING: readonly Key[] = ['L4', 'L5', 'L6']
export const KEYS: readonly Key[] = [...INFERENCE, ...TRAINING]
export const SHAPES: Readonly<Record<Key, Workload>> = { L1, L2, L3, L4, L5, L6 }

export const OURS: Row = { name: 'retrograd', file: path('ours.ts'), workloads: KEYS }
export const ORT_WEB: Row = { name: 'onnxruntime-web', file: path('onnxruntime-web.ts'), workloads: INFERENCE }
export const TORCH_AVX2: Row = { ...torch.TORCH_AVX2, file: path('pytorch.py'), workloads: KEYS }

export const ROWS: readonly Row[] = [
  OURS,
  ORT_WEB,
  {
    name: 'tfjs-wasm, hand-tuned',
    file: path('tfjs-tuned.ts'),
    workloads: TRAINING,
    trainsInJavaScript: true,
    note: 'one weight matrix per gate, no split or unstack, a matMul gradient of its own',
  },
  {
    name: 'tfjs-wasm, layers',
    file: path('tfjs-layers.ts'),
    workloads: KEYS,
    trainsInJavaScript: true,
    forms: { L3: { resetBefore: true }, L4: { oneBias: true }, L5: { oneBias: true }, L6: { oneBias: true, resetBefore: true } },
    note: 'one bias per gate; its GRU has the reset gate before the recurrent product; where all outputs are wanted it concatenates them step by step',
  },
  {
    name: 'jax-js, wasm, jit',
    file: path('jax-js.ts'),
    workloads: TRAINING,
    trainsInJavaScript: true,
    nodeFlags: ['--stack-size=200000'],
    stackMegabytes: 1000,
    note: 'steps of time unrolled, one jit for the whole training step',
  },
  {
    name: 'brain.js',
    file: path('brain.ts'),
    workloads: TRAINING,
    note: 'no target: it trains another net (its own cells, predicting its next input, RMSprop-like updates after each sequence), one sequence at a time; its time is that of B sequences',
  },
  { name: 'onnxruntime-node (native)', file: path('onnxruntime-node.ts'), workloads: INFERENCE },
  TORCH_AVX2,
  { ...torch.TORCH_AVX512, file: path('pytorch.py'), workloads: KEYS },
] // prettier-ignore
