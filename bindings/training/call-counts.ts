import type { Module } from '../module/module.ts'

/** What a model's random draws are keyed by, to be put back: a run that does not count leaves the draws to the next one. */
export function callCounts(model: Module): { restore(): void } {
  const modules = model.descendants()
  const counts = modules.map(({ callCount }) => callCount)
  return {
    restore: () => {
      for (const [i, module] of modules.entries()) module.callCount = counts[i]!
    },
  }
}
