/** How many epochs `fit` has begun on a model, call after call: each has an order of samples of its own. */
import type { Module } from '../module/module.ts'

const begun = new WeakMap<Module, number>()

export const epochsBegun = (model: Module): number => begun.get(model) ?? 0

export function noteEpochs(model: Module, epochs: number): void {
  begun.set(model, epochs)
}
