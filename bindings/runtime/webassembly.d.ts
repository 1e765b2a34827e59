/**
 * What the runtime (and its tests) use of WebAssembly's JavaScript interface. The DOM library would bring it too, and
 * with it globals such as `name` and `status` that hide spelling mistakes; declarations here stay out of the package.
 */
declare namespace WebAssembly {
  class Module {
    private readonly brand: never
    constructor(bytes: BufferSource)
    static customSections(module: Module, name: string): ArrayBuffer[]
    static exports(module: Module): { name: string; kind: string }[]
    static imports(module: Module): { module: string; name: string; kind: string }[]
  }
  class Instance {
    readonly exports: Exports
    constructor(module: Module, imports?: Imports)
  }
  class Memory {
    readonly buffer: ArrayBuffer
    constructor(descriptor: { initial: number; maximum?: number })
    grow(pages: number): number
  }
  class Table {
    readonly length: number
  }
  class Global<T = number> {
    value: T
  }
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}
  type Exports = Record<string, unknown>
  type Imports = Record<string, Record<string, unknown>>
  function validate(bytes: BufferSource): boolean
  function compile(bytes: BufferSource): Promise<Module>
  function instantiate(module: Module, imports?: Imports): Promise<Instance>
}

type BufferSource = ArrayBufferView<ArrayBuffer> | ArrayBuffer
