/** Weights and data of a workload: the same numbers for every peer (pytorch.py draws them from generator.ts's twin). */
import { generate, generateIds } from '../../test/support/generator.ts'
import { GATES, type Workload } from '../support/shapes.ts'
import type { Form, Key } from './peer.ts'

const [WEIGHT_SEED, DATA_SEED] = [1, 2]

export interface Data {
  /** By PyTorch's names and in its layout: weight_ih_l0, …, and of the head weight, bias. */
  readonly weights: Readonly<Record<string, Named>>
  /** [T, B, I]. */
  readonly input: Float32Array
  /** [B, outputs] or [T, B, outputs]. */
  readonly target: Float32Array
  /** [B]. */
  readonly ids: Int32Array
}

export interface Named {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export function dataOf(key: Key, { cell, B, T, I, H, head }: Workload, { oneBias }: Form = {}): Data {
  const rows = GATES[cell] * H
  const scale = 1 / Math.sqrt(H)
  const weight = (name: string, ...shape: number[]): [string, Named] => {
    const count = shape.reduce((total, n) => total * n, 1)
    return [name, { shape, data: Float32Array.from(generate(WEIGHT_SEED, `${key} ${name}`, count, scale)) }]
  }
  const weights = Object.fromEntries([
    weight('weight_ih_l0', rows, I),
    weight('weight_hh_l0', rows, H),
    weight('bias_ih_l0', rows),
    weight('bias_hh_l0', rows),
    ...(head ? [weight('weight', head.outputs, H), weight('bias', head.outputs)] : []),
  ])
  if (oneBias) weights.bias_hh_l0!.data.fill(0)
  const count = head ? (head.on === 'each' ? T * B : B) * head.outputs : 0
  return {
    weights,
    input: Float32Array.from(generate(DATA_SEED, `${key} input`, T * B * I)),
    target: Float32Array.from(generate(DATA_SEED, `${key} target`, count)),
    ids: head ? generateIds(DATA_SEED, `${key} ids`, B, head.outputs) : new Int32Array(),
  }
}

/** [rows, columns] as [columns, rows]. */
export function transposed({ shape: [rows, columns], data }: Named): Float32Array {
  const result = new Float32Array(data.length)
  for (let i = 0; i < rows!; i++) for (let j = 0; j < columns!; j++) result[j * rows! + i] = data[i * columns! + j]!
  return result
}

/** Blocks of equal length along the first axis, in the order that `order` names. */
export function reordered({ shape, data }: Named, order: readonly number[]): Named {
  const length = data.length / order.length
  const result = new Float32Array(data.length)
  order.forEach((from, to) => result.set(data.subarray(from * length, (from + 1) * length), to * length))
  return { shape, data: result }
}

/** The blocks themselves, each [rows / count, …]. */
export function blocks({ shape, data }: Named, count: number): Named[] {
  const length = data.length / count
  return Array.from({ length: count }, (_, block) => ({
    shape: [shape[0]! / count, ...shape.slice(1)],
    data: data.slice(block * length, (block + 1) * length),
  }))
}

/** [T, B, F] as [B, T, F]. */
export function batchFirst(data: Float32Array, T: number, B: number): Float32Array {
  const F = data.length / (T * B)
  const result = new Float32Array(data.length)
  for (let t = 0; t < T; t++)
    for (let b = 0; b < B; b++) result.set(data.subarray((t * B + b) * F, (t * B + b + 1) * F), (b * T + t) * F)
  return result
}
