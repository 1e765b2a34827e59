import { describeValue, fail } from '../runtime/check.ts'
import { type Runtime, expectRuntime } from '../runtime/runtime.ts'
import { Container } from './container.ts'
import { Module } from './module.ts'

/**
 * A module of the same classes and options with the same weights, modes and frozen parameters, its children made anew (one that stands
 * twice stands twice again). Nothing else is shared: no tape, no gradient, no draw.
 *
 * @param runtime where it is to live, of either dtype; the module's own if left out
 * @throws RetrogradError 'unsupported' for a class that does not tell its options
 */
export function cloneModule<Kind extends Module>(module: Kind, runtime: Runtime = module?.runtime): Kind {
  if (!(module instanceof Module)) fail('type', `cloneModule: module is ${describeValue(module)}; expected a module`)
  expectRuntime('cloneModule', runtime)
  const weights = module.stateDict()
  const clone = remake(module, runtime, new Map())
  clone.loadStateDict(weights)
  const copies = clone.descendants()
  for (const [i, original] of module.descendants().entries()) copies[i]!.setTraining(original.training)
  for (const [i, { frozen }] of module.blocks().entries())
    for (const name of frozen) clone.blocks()[i]!.setFrozen(name, true)
  return clone as Kind
}

function remake(module: Module, runtime: Runtime, made: Map<Module, Module>): Module {
  const known = made.get(module)
  if (known) return known
  const clone =
    module instanceof Container
      ? module.rebuild(
          runtime,
          module.children().map((child) => remake(child, runtime, made)),
        )
      : remakeLeaf(module, runtime)
  made.set(module, clone)
  return clone
}

function remakeLeaf(module: Module, runtime: Runtime): Module {
  if (Object.keys(module.options).length === 0)
    fail('unsupported', `cloneModule: a ${module.type} does not tell its options; hand them to Module's constructor`)
  const Kind = module.constructor as new (runtime: Runtime, options: object) => Module
  return new Kind(runtime, module.options)
}
