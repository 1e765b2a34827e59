/** Training and evaluation mode, for a while. */
import type { Module } from './module.ts'

/**
 * Runs something with a module and all that is inside it in training mode, or in evaluation mode. Afterwards each of them is in its
 * own mode of before, also where `run` throws; if it gives a promise, as soon as that is settled.
 */
export function inMode<Result>(module: Module, training: boolean, run: () => Result): Result {
  const before = module.descendants().map((each) => ({ each, training: each.training }))
  // a container hands its mode on to what is inside it, which comes after it in the list and is set again
  const restore = () => before.forEach(({ each, training }) => setMode(each, training))
  let lasts = false
  try {
    setMode(module, training)
    const result = run()
    lasts = result instanceof Promise
    return result instanceof Promise ? (result.finally(restore) as Result) : result
  } finally {
    if (!lasts) restore()
  }
}

function setMode(module: Module, training: boolean): void {
  if (training) module.train()
  else module.eval()
}
