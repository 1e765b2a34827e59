import { type Module, expectModule } from './module.ts'

/** What a module is: enough to make one like it, but for its weights. */
export interface ModuleDescription {
  /** Its class. */
  readonly type: string
  /** What it was made from, defaults filled in; a container's say nothing. */
  readonly options: Readonly<Record<string, unknown>>
  /** Of a container, in their order. */
  readonly children?: readonly ModuleDescription[]
}

export function describe(module: Module): ModuleDescription {
  expectModule('describe', module)
  const children = module.children()
  const own = { type: module.type, options: module.options as Readonly<Record<string, unknown>> }
  return children.length === 0 ? own : { ...own, children: children.map(describe) }
}
