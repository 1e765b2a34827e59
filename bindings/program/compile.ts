/**
 * From a schedule to the engine's instructions: which values live in tiles, and the words of each segment; which share memory,
 * storage.ts says. Addresses come later, by plan.ts, for each (T, B).
 */
import { rowsWord } from './encoding.ts'
import { LINK, LINK_WORDS, OP } from './format.ts'
import type { GradientTerm, StepGraph } from './graph.ts'
import type { Emitter, Node, ScratchBytes, Value } from './operation.ts'
import type { Step } from './chains.ts'
import { type ProgramSchedule, type Segment, isReduction, schedule } from './schedule.ts'
import { type Lasting, type Storage, placeInMemory } from './storage.ts'
import { greatest } from '../runtime/greatest.ts'

/** What an index of the value table stands for. */
export type Slot =
  | { kind: 'outside'; value: Value } // an input, a parameter, or a value of another program
  | { kind: 'storage'; storage: Storage; back: number } // back: steps before the one addressed
  | { kind: 'tile'; tile: number }
  | { kind: 'rows'; of: number; offset: number } // elements into another slot
  | { kind: 'packed'; value: Value; transposed: boolean; elements: number }
  | { kind: 'scratch'; bytes: ScratchBytes }
  | { kind: 'gradient'; param: string; firstElement: number }
  | { kind: 'parts'; of: number; elements: number } // of a sum over rows, if it is long; else the sum itself

export interface CompiledState {
  readonly name: string
  readonly slot: number
  readonly columns: number
  readonly lag: number
  readonly carries: string | undefined
}

export interface CompiledProgram {
  readonly graph: StepGraph
  readonly slots: readonly Slot[]
  readonly slotOf: ReadonlyMap<Value, number>
  readonly states: readonly CompiledState[]
  readonly words: Readonly<Record<Segment | 'start' | 'fold', readonly number[]>>
}

export interface CompileOptions extends Lasting {
  /** Values that another program provides. */
  readonly given?: (value: Value) => boolean
  /** Tiles a chain may use. */
  readonly tiles: number
}

export function compile(graph: StepGraph, options: CompileOptions): CompiledProgram {
  const given = options.given ?? (() => false)
  const plan = schedule(graph, given, options.saved ?? new Set())
  return new Compiler(graph, plan, placeInMemory(graph, plan, given, options), options).compile()
}

class Compiler implements Emitter {
  readonly #graph: StepGraph
  readonly #schedule: ProgramSchedule
  readonly #storages: ReadonlyMap<Value, Storage>
  readonly #options: CompileOptions
  readonly #termsOf = new Map<Value, GradientTerm[]>()
  readonly #slots: Slot[] = []
  readonly #slotOf = new Map<Value, number>()
  readonly #packed = new Map<Value, { plain?: number; transposed?: number }>()
  readonly #words: Record<Segment | 'start' | 'fold', number[]> = {
    start: [],
    fold: [],
    parameters: [],
    prologue: [],
    step: [],
    epilogue: [],
    finish: [],
  }
  /** Where instructions go. */
  #segment: Segment = 'parameters'

  constructor(graph: StepGraph, plan: ProgramSchedule, storages: ReadonlyMap<Value, Storage>, options: CompileOptions) {
    this.#graph = graph
    this.#schedule = plan
    this.#storages = storages
    this.#options = options
    for (const term of graph.gradients) {
      const terms = this.#termsOf.get(term.value)
      if (terms) terms.push(term)
      else this.#termsOf.set(term.value, [term])
    }
  }

  compile(): CompiledProgram {
    this.#placeReads()
    for (const [segment, steps] of Object.entries(this.#schedule.steps) as [Segment, Step[]][]) {
      this.#segment = segment
      for (const step of steps) {
        if (step.chain) this.#chain(step)
        else this.#single(step.nodes[0]!)
      }
    }
    this.#addGradients()
    const states = this.#graph.states.map(({ name, next, columns, reads, carries }) => {
      return { name, slot: this.slot(next), columns, lag: greatest(reads.keys()), carries }
    })
    for (const output of this.#graph.outputs) this.slot(output)
    for (const value of this.#options.saved ?? []) this.slot(value)
    return { graph: this.#graph, slots: this.#slots, slotOf: this.#slotOf, states, words: this.#words }
  }

  /** A read of a state is its history, so many steps back. */
  #placeReads(): void {
    for (const { next, reads } of this.#graph.states) {
      const storage = this.#storages.get(next)!
      for (const [lag, read] of reads) this.#slotOf.set(read, this.#newSlot({ kind: 'storage', storage, back: lag }))
    }
  }

  // For operations that write their instructions

  slot(value: Value): number {
    let slot = this.#slotOf.get(value)
    if (slot === undefined) this.#slotOf.set(value, (slot = this.#newSlot(this.#makeSlot(value))))
    return slot
  }

  emit(opcode: number, ...operands: number[]): void {
    this.#emitTo(this.#segment, opcode, operands)
  }

  packed(weight: Value, isTransposed: boolean): number {
    const form = isTransposed ? 'transposed' : 'plain'
    const forms = this.#packed.get(weight) ?? {}
    this.#packed.set(weight, forms)
    return (forms[form] ??= this.#pack(weight, isTransposed))
  }

  accumulator(sum: Node): readonly [sum: number, total: number] {
    const { rows, columns } = sum.results[0]!
    const elements = (rows as number) * columns
    const total = this.#total(sum, elements)
    if (!isReduction(sum)) return [total, total]
    const parts = this.#newSlot({ kind: 'parts', of: total, elements })
    this.#emitTo('fold', OP.FOLD, [total, parts, elements])
    return [parts, total]
  }

  #total(sum: Node, elements: number): number {
    const direct = this.#directTerm(sum)
    if (direct) return this.#gradientSlot(direct)
    const slot = this.slot(sum.results[0]!)
    this.#emitTo(isReduction(sum) ? 'start' : this.#segment, OP.ZERO, [slot, elements])
    return slot
  }

  scratch(bytes: ScratchBytes): number {
    return this.#newSlot({ kind: 'scratch', bytes })
  }

  isInPlace(a: Value, b: Value): boolean {
    const storage = this.#storages.get(a)
    return storage !== undefined && storage === this.#storages.get(b)
  }

  // Slots

  #newSlot(slot: Slot): number {
    return this.#slots.push(slot) - 1
  }

  #makeSlot(value: Value): Slot {
    const alias = value.node.op.alias?.(value.node)
    if (alias) return { kind: 'rows', of: this.slot(alias.of), offset: alias.firstElement }
    const storage = this.#storages.get(value)
    return storage === undefined ? { kind: 'outside', value } : { kind: 'storage', storage, back: 0 }
  }

  /** Where the weight is first known. */
  #pack(weight: Value, isTransposed: boolean): number {
    const rows = weight.rows as number
    const [columns, depth] = isTransposed ? [rows, weight.columns] : [weight.columns, rows]
    const slot = this.#newSlot({ kind: 'packed', value: weight, transposed: isTransposed, elements: columns * depth })
    const segment = this.#segment === 'finish' ? 'finish' : 'parameters'
    const isTransposedWord = Number(isTransposed)
    this.#emitTo(segment, OP.PACK, [slot, this.slot(weight), columns, depth, weight.columns, isTransposedWord])
    return slot
  }

  // Instructions

  #emitTo(segment: Segment | 'start' | 'fold', opcode: number, operands: readonly number[]): void {
    const words = this.#words[segment]
    words.push(opcode, operands.length + 2)
    for (const operand of operands) words.push(operand)
  }

  #single(node: Node): void {
    if (node.op.alias) this.slot(node.results[0]!)
    else node.op.emit!(node, this)
  }

  #chain({ nodes }: Step): void {
    const { rows, columns } = nodes[0]!.results[0]!
    this.#assignTiles(nodes)
    const links = nodes.flatMap((node) => this.#link(node))
    this.#emitTo(this.#segment, OP.CHAIN, [rowsWord(rows), columns, nodes.length, ...links])
  }

  #link(node: Node): number[] {
    const { code, words } = node.op.link!
    const dst = this.slot(node.results[0]!)
    const operands = node.inputs.map((input) => this.slot(input))
    while (operands.length < 2) operands.push(dst)
    const link = [code, dst, ...operands, ...(words?.(node) ?? [])]
    while (link.length < LINK_WORDS) link.push(0)
    return link
  }

  /** Values that live and die inside a chain get a tile; a tile is free again after its value's last use. */
  #assignTiles(nodes: readonly Node[]): void {
    const chain = new Set(nodes)
    const free = Array.from({ length: this.#options.tiles }, (_, i) => i)
    const lastUse = new Map<Value, Node>()
    for (const node of nodes) for (const input of node.inputs) lastUse.set(input, node)
    const tileOf = new Map<Value, number>()
    for (const node of nodes) {
      for (const input of new Set(node.inputs)) {
        const tile = tileOf.get(input)
        if (tile !== undefined && lastUse.get(input) === node) free.push(tile)
      }
      const value = node.results[0]!
      const tile = this.#isLocal(value, chain) ? free.pop() : undefined
      if (tile === undefined) continue
      tileOf.set(value, tile)
      this.#slotOf.set(value, this.#newSlot({ kind: 'tile', tile }))
    }
  }

  #isLocal(value: Value, chain: ReadonlySet<Node>): boolean {
    return (
      !this.#schedule.kept.has(value) && (this.#schedule.consumers.get(value) ?? []).every((user) => chain.has(user))
    )
  }

  // Gradients

  /** The one term that a sum over time is and nothing else: it accumulates in the parameter's gradient itself. */
  #directTerm(node: Node): GradientTerm | undefined {
    const value = node.results[0]!
    const terms = this.#termsOf.get(value)
    return isReduction(node) && terms?.length === 1 && !this.#schedule.consumers.has(value) ? terms[0] : undefined
  }

  #gradientSlot({ param, firstRow, value }: GradientTerm): number {
    return this.#newSlot({ kind: 'gradient', param, firstElement: firstRow * value.columns })
  }

  /** Adds the remaining gradient terms at the end of the call. */
  #addGradients(): void {
    for (const term of this.#graph.gradients) {
      const { value } = term
      if (this.#directTerm(value.node)) continue
      const slot = this.#gradientSlot(term)
      const link = [LINK.ADD, slot, slot, this.slot(value), 0, 0, 0, 0]
      this.#emitTo('finish', OP.CHAIN, [value.rows as number, value.columns, 1, ...link])
    }
  }
}
