/** Small nets and data that several tests share. */
import type { Module, Runtime, State, Tensor } from '../../bindings/index.ts'
import { generate } from './generator.ts'

/** A tensor of numbers in [-scale, scale) that depend on (seed, name, shape) alone. */
export function drawTensor(runtime: Runtime, seed: number, name: string, shape: readonly number[], scale = 1): Tensor {
  return runtime.tensor(
    generate(
      seed,
      name,
      shape.reduce((size, axis) => size * axis, 1),
      scale,
    ),
    shape,
  )
}

/** Sets every parameter from the generator, so that biases and weights alike are far from their defaults. */
export function drawParameters(module: Module, seed: number, scale = 0.6): void {
  for (const { name, value } of module.parameters()) value.data.set(generate(seed, name, value.size, scale))
}

/** The state as plain numbers, by name. */
export function stateNumbers(state: State | undefined): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries((state ?? {}) as Record<string, Tensor>).map(([name, tensor]) => [name, numbers(tensor)]),
  )
}

export const numbers = (tensor: Tensor): number[] => Array.from(tensor.data)

export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

export const norm = (a: ArrayLike<number>): number => Math.sqrt(dot(a, a))
