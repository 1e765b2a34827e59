import { Module } from '../../module/module.ts'
import type { Parameter, ParameterBlock } from '../../module/parameters.ts'
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
  const blocks = [...new Set<ParameterBlock>(modules.flatMap((module) => module.blocks()))]
  expectBlocks(who, blocks)
  return blocks
}

/** Refuses blocks whose memory is no longer theirs. */
export function expectBlocks(who: string, blocks: readonly ParameterBlock[]): void {
  for (const { values, runtime } of blocks) {
    if (!values.alive) fail('disposed', `${who}: ${runtime.heap.alive ? 'a module' : 'the runtime'} was disposed of`)
  }
}

/** Parameters by the module's own names; with the module's index before them (`0.weight`) where there is a list. */
export function parametersOf(trained: Trained): Parameter[] {
  if (trained instanceof Module) return trained.parameters()
  return trained.flatMap((module, i) =>
    module.parameters().map((parameter) => ({ ...parameter, name: `${i}.${parameter.name}` })),
  )
}
