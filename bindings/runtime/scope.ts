/** Memory that is made together and ends together: with its owner, or where the making fails. */
import { Area } from './area.ts'
import type { Allocation } from './heap.ts'
import type { Runtime } from './runtime.ts'

/** Bytes of rooms by name: of one, of several, or undefined where there is none. */
export type RoomSizes = Readonly<Record<string, number | undefined | readonly (number | undefined)[]>>

/** Addresses of rooms, in the form in which their sizes were given. */
export type Addresses<Sizes extends RoomSizes> = {
  readonly [Name in keyof Sizes]: Sizes[Name] extends readonly number[] ? readonly number[] : Sizes[Name]
}

/** Rooms side by side in one allocation, zeros at first. */
export interface Rooms<Sizes extends RoomSizes> {
  readonly memory: Allocation
  readonly at: Addresses<Sizes>
}

export class Scope {
  readonly runtime: Runtime
  readonly #allocations = new Set<Allocation>()
  readonly #inner = new Set<Scope>()
  #disposed = false

  constructor(runtime: Runtime) {
    this.runtime = runtime
  }

  /** @param what for messages about memory; what the bytes hold at first is of no meaning */
  allocate(bytes: number, what: string): Allocation {
    const allocation = this.runtime.heap.allocate(bytes, what)
    this.#allocations.add(allocation)
    return allocation
  }

  rooms<const Sizes extends RoomSizes>(what: string, sizes: Sizes): Rooms<Sizes> {
    const area = new Area()
    const place = (bytes: number | undefined) => (bytes === undefined ? undefined : area.take(bytes))
    const offsets = Object.entries(sizes).map(([name, size]) => {
      return [name, isList(size) ? size.map(place) : place(size)] as const
    })
    const memory = this.runtime.heap.allocateZeros(area.bytes, what)
    this.#allocations.add(memory)
    const address = (offset: number | undefined) => (offset === undefined ? undefined : memory.address + offset)
    const addresses = offsets.map(([name, offset]) => [name, isList(offset) ? offset.map(address) : address(offset)])
    return { memory, at: Object.fromEntries(addresses) as Addresses<Sizes> }
  }

  /** Builds what has memory of its own inside this scope. */
  inner<Made>(build: (scope: Scope) => Made): Made {
    return inScope(this.runtime, (scope) => {
      const made = build(scope)
      this.#inner.add(scope)
      return made
    })
  }

  /** Does this memory belong to the scope itself? */
  holds(storage: Allocation): boolean {
    return this.#allocations.has(storage)
  }

  /** Does it belong to the scope, or to one inside it? */
  owns(storage: Allocation): boolean {
    if (this.holds(storage)) return true
    for (const scope of this.#inner) if (scope.owns(storage)) return true
    return false
  }

  get disposed(): boolean {
    return this.#disposed
  }

  dispose(): void {
    this.#disposed = true
    for (const scope of this.#inner) scope.dispose()
    for (const allocation of this.#allocations) allocation.dispose()
    this.#inner.clear()
    this.#allocations.clear()
  }
}

const isList = <Item>(value: Item | readonly Item[]): value is readonly Item[] => Array.isArray(value)

/** Runs what needs memory for a while: the scope ends with it. */
export function withScope<Result>(runtime: Runtime, run: (scope: Scope) => Result): Result {
  const scope = new Scope(runtime)
  try {
    return run(scope)
  } finally {
    scope.dispose()
  }
}

/** Builds what owns a scope; where that fails, the scope ends. */
export function inScope<Made>(runtime: Runtime, build: (scope: Scope) => Made): Made {
  const scope = new Scope(runtime)
  try {
    return build(scope)
  } catch (error) {
    scope.dispose()
    throw error
  }
}
