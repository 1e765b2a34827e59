import { Module } from '../../module/module.ts'
import type { ParameterBlock } from '../../module/parameters.ts'
import { fail } from '../../runtime/check.ts'

/** A module, or several that are trained together. */
export type Trained = Module | readonly Module[]

/** The parameter blocks of one module or several, each block once; all of one runtime. */
export function blocksOf(who: string, trained: Trained): ParameterBlock[] {
  const modules = trained instanceof Module ? [trained] : trained
  if (!Array.isArray(modules) || modules.length === 0 || !modules.every((module) => module instanceof Module)) {
    fail('type', `${who}: expected a module or a list of modules`)
  }
  if (modules.some((module) => module.disposed)) fail('disposed', `${who}: a module was disposed of`)
  if (modules.some((module) => module.runtime !== modules[0]!.runtime))
    fail('runtime', `${who}: the modules belong to different runtimes`)
  return [...new Set(modules.flatMap((module) => module.blocks()))]
}
