/** The numbers of a stream's step, as they come: without a tensor. */
import { describeValue, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type ElementKind, Tensor } from '../runtime/tensor.ts'
import type { Input } from './options.ts'
import { Workspace } from './workspace.ts'

/** Numbers of B rows behind each other: a typed array, or a plain one. */
export type Rows = ArrayLike<number>

/** What `step` takes: a tensor [B, n] or its numbers; where there are several inputs, by name. */
export type StepInput = Tensor | Rows | Readonly<Record<string, Tensor | Rows>>

export const isRows = (input: unknown): input is Rows =>
  Array.isArray(input) || (ArrayBuffer.isView(input) && !(input instanceof DataView))

/** Where the numbers of a step go: over those of the step before. */
export class StepRows {
  readonly #runtime: Runtime
  readonly #memory: Workspace
  readonly #kind: ElementKind

  constructor(runtime: Runtime, who: string, kind: ElementKind = 'float') {
    this.#runtime = runtime
    this.#memory = new Workspace(runtime, who, kind)
    this.#kind = kind
  }

  /** @param columns of a row: [B, columns] is given; without columns (of ids) [B] */
  place(who: string, name: string, rows: Rows, columns?: number): Tensor {
    expectNumbers(who, name, rows, this.#kind)
    const width = columns ?? 1
    const batch = rows.length / width
    if (!Number.isInteger(batch) || batch === 0)
      fail('shape', `${who}: ${name} holds ${rows.length} numbers; expected B rows of ${width}, B >= 1`)
    // growing memory would detach a view of it
    const isOwn = ArrayBuffer.isView(rows) && rows.buffer === this.#runtime.heap.buffer
    const given = isOwn ? Array.from(rows) : rows
    const tensor = this.#memory.take(columns === undefined ? [batch] : [batch, width])
    this.#runtime.arrayAt(tensor.address, given.length, this.#kind).set(given)
    return tensor
  }

  dispose(): void {
    this.#memory.dispose()
  }
}

/** The same for inputs by name, each with its columns. */
export class StepInputs {
  readonly #columns: ReadonlyMap<string, number>
  readonly #rows: ReadonlyMap<string, StepRows>

  constructor(runtime: Runtime, who: string, columns: ReadonlyMap<string, number>) {
    this.#columns = columns
    this.#rows = new Map([...columns.keys()].map((name) => [name, new StepRows(runtime, who)]))
  }

  /** Tensors as they are, numbers in tensors. */
  of(who: string, input: StepInput): Input {
    if (isRows(input)) return this.#only(who, input)
    if (input instanceof Tensor || input === null || typeof input !== 'object') return input as Input
    const named = Object.entries(input)
    if (!named.some(([, part]) => isRows(part))) return input as Input
    return Object.fromEntries(named.map(([name, part]) => [name, this.#named(who, name, part)]))
  }

  dispose(): void {
    for (const rows of this.#rows.values()) rows.dispose()
  }

  #only(who: string, rows: Rows): Tensor {
    const names = [...this.#columns.keys()]
    if (names.length !== 1)
      fail('type', `${who}: input is one list of numbers; expected inputs by name: { ${names.join(', ')} }`)
    return this.#rows.get(names[0]!)!.place(who, 'input', rows, this.#columns.get(names[0]!)!)
  }

  /** Names that are not known are refused by whoever runs the step. */
  #named(who: string, name: string, part: Tensor | Rows): Tensor {
    const rows = this.#rows.get(name)
    return isRows(part) && rows ? rows.place(who, `input '${name}'`, part, this.#columns.get(name)!) : (part as Tensor)
  }
}

function expectNumbers(who: string, name: string, rows: Rows, kind: ElementKind): void {
  if (!Array.isArray(rows) && typeof rows[0] === 'bigint')
    fail('type', `${who}: ${name} holds 64-bit integers; convert them to numbers`)
  if (kind === 'float' && !Array.isArray(rows)) return
  const isGood = (value: unknown) => typeof value === 'number' && (kind === 'float' || (value | 0) === value)
  for (let i = 0; i < rows.length; i++) {
    if (isGood(rows[i])) continue
    const expected = kind === 'float' ? 'the numbers of all rows in one list' : 'whole numbers of 32 bits'
    fail('type', `${who}: ${name}[${i}] is ${describeValue(rows[i])}; expected ${expected}`)
  }
}
