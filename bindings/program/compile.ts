/**
 * From a schedule to the engine's instructions: which values live in tiles, and the words of each segment; which share memory,
 * storage.ts says. Addresses come later, by plan.ts, for each (T, B).
 */
import { LINK, LINK_WORDS, OP, START } from './format.ts'
import type { Node, StepGraph, Value } from './graph.ts'
import { LINK_CODES, type Schedule, type Segment, type Step, isReduction, schedule } from './schedule.ts'
import { type Storage, placeInMemory } from './storage.ts'

/** What an index of the value table stands for. */
export type Slot =
  | { kind: 'outside'; value: Value } // an input, a parameter, or a value of another program
  | { kind: 'storage'; storage: Storage; back: number } // back: steps before the one addressed
  | { kind: 'tile'; tile: number }
  | { kind: 'rows'; of: number; offset: number } // elements into another slot
  | { kind: 'packed'; value: Value; transposed: boolean; elements: number }
  | { kind: 'panels'; columns: number }
  | { kind: 'elimination'; rows: number; columns: number }
  | { kind: 'gradient'; param: string; firstElement: number }

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
  readonly words: Readonly<Record<Segment | 'start', readonly number[]>>
}

export interface CompileOptions {
  /** Values that another program provides. */
  readonly given?: (value: Value) => boolean
  /** Values to keep on the tape, for a later program. */
  readonly saved?: ReadonlySet<Value>
  /** How long to keep the outputs. */
  readonly outputs: 'timed' | 'tape' | 'chunk'
  /** Tiles a chain may use. */
  readonly tiles: number
}

export function compile(graph: StepGraph, options: CompileOptions): CompiledProgram {
  const given = options.given ?? (() => false)
  const plan = schedule(graph, given, options.saved ?? new Set())
  return new Compiler(graph, plan, placeInMemory(graph, plan, given, options), options).compile()
}

class Compiler {
  readonly #graph: StepGraph
  readonly #schedule: Schedule
  readonly #storages: ReadonlyMap<Value, Storage>
  readonly #options: CompileOptions
  readonly #slots: Slot[] = []
  readonly #slotOf = new Map<Value, number>()
  readonly #packed = new Map<Value, { plain?: number; transposed?: number }>()
  readonly #words: Record<Segment | 'start', number[]> = {
    start: [],
    parameters: [],
    prologue: [],
    step: [],
    epilogue: [],
    finish: [],
  }

  constructor(graph: StepGraph, plan: Schedule, storages: ReadonlyMap<Value, Storage>, options: CompileOptions) {
    this.#graph = graph
    this.#schedule = plan
    this.#storages = storages
    this.#options = options
  }

  compile(): CompiledProgram {
    this.#placeReads()
    for (const [segment, steps] of Object.entries(this.#schedule.steps) as [Segment, Step[]][]) {
      for (const step of steps) {
        if (step.chain) this.#chain(step, segment)
        else this.#single(step.nodes[0]!, segment)
      }
    }
    this.#addGradients()
    const states = this.#graph.states.map(({ name, next, columns, reads, carries }) => {
      return { name, slot: this.#slot(next), columns, lag: Math.max(...reads.keys()), carries }
    })
    for (const output of this.#graph.outputs) this.#slot(output)
    for (const value of this.#options.saved ?? []) this.#slot(value)
    return { graph: this.#graph, slots: this.#slots, slotOf: this.#slotOf, states, words: this.#words }
  }

  /** A read of a state is its history, so many steps back. */
  #placeReads(): void {
    for (const { next, reads } of this.#graph.states) {
      const storage = this.#storages.get(next)!
      for (const [lag, read] of reads)
        this.#slotOf.set(read, this.#slots.push({ kind: 'storage', storage, back: lag }) - 1)
    }
  }

  #slot(value: Value): number {
    let slot = this.#slotOf.get(value)
    if (slot === undefined) this.#slotOf.set(value, (slot = this.#slots.push(this.#makeSlot(value)) - 1))
    return slot
  }

  #makeSlot(value: Value): Slot {
    if (value.node.op === 'rows') {
      const of = value.node.inputs[0]!
      return { kind: 'rows', of: this.#slot(of), offset: value.node.attributes['from']! * of.columns }
    }
    const storage = this.#storages.get(value)
    return storage === undefined ? { kind: 'outside', value } : { kind: 'storage', storage, back: 0 }
  }

  // Instructions

  #emit(segment: Segment | 'start', op: number, ...operands: number[]): void {
    this.#words[segment].push(op, operands.length + 2, ...operands)
  }

  #chain(step: Step, segment: Segment): void {
    const { rows, columns } = step.nodes[0]!.results[0]!
    this.#assignTiles(step)
    const links = step.nodes.flatMap((node) => this.#link(node))
    this.#emit(segment, OP.CHAIN, fixedRows(rows), columns, step.nodes.length, ...links)
  }

  #link(node: Node): number[] {
    const [a, b] = node.inputs
    const dst = this.#slot(node.results[0]!)
    const words = [LINK_CODES[node.op]!, dst, a ? this.#slot(a) : dst, b ? this.#slot(b) : dst]
    const extra = LINK_CODES[node.op] === LINK.VIEW ? viewWords(node) : floatWords(node.attributes['constant'] ?? 0)
    const link = [...words, ...extra]
    while (link.length < LINK_WORDS) link.push(0)
    return link
  }

  /** Values that live and die inside a chain get a tile; a tile is free again after its value's last use. */
  #assignTiles({ nodes }: Step): void {
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
      const tile = this.#isLocal(value, nodes) ? free.pop() : undefined
      if (tile === undefined) continue
      tileOf.set(value, tile)
      this.#slotOf.set(value, this.#slots.push({ kind: 'tile', tile }) - 1)
    }
  }

  #isLocal(value: Value, chain: readonly Node[]): boolean {
    return (
      !this.#schedule.kept.has(value) &&
      (this.#schedule.consumers.get(value) ?? []).every((user) => chain.includes(user))
    )
  }

  #single(node: Node, segment: Segment): void {
    const s = (value: Value) => this.#slot(value)
    const [y, y1, y2, y3] = node.results as [Value, Value, Value, Value]
    const [a, b, c, d, e] = node.inputs as [Value, Value, Value, Value, Value]
    const rows = fixedRows(y.rows)
    switch (node.op) {
      case 'linear':
      case 'matmul':
        return this.#product(node, segment)
      case 'outer':
      case 'columnSum':
        return this.#reduction(node, segment)
      case 'rowSum':
        return this.#emit(segment, OP.ROW_SUM, s(y), s(a), a.columns, rows)
      case 'rows':
        return void s(y)
      case 'padRows':
        this.#emit(segment, OP.ZERO, s(y), (y.rows as number) * y.columns)
        return this.#emit(
          segment,
          OP.PLACE,
          s(y),
          s(a),
          (a.rows as number) * a.columns,
          (y.rows as number) * y.columns,
          node.attributes['from']! * y.columns,
          1,
        )
      case 'pad':
        this.#emit(segment, OP.CLEAR_ROWS, s(y), y.columns, rows)
        return this.#emit(segment, OP.PLACE, s(y), s(a), a.columns, y.columns, node.attributes['from']!, rows)
      case 'concat': {
        let offset = 0
        for (const part of node.inputs) {
          this.#emit(segment, OP.PLACE, s(y), s(part), part.columns, y.columns, offset, rows)
          offset += part.columns
        }
        return
      }
      case 'transpose':
        return this.#emit(segment, OP.TRANSPOSE, s(y), s(a), a.rows as number, a.columns)
      case 'solve': {
        const scratch = this.#slots.push({ kind: 'elimination', rows, columns: y.columns }) - 1
        return this.#emit(segment, OP.SOLVE, s(y), s(a), s(b), rows, y.columns, scratch)
      }
      case 'diag':
        // element i of row i, as the first of rows that are one element longer
        this.#emit(segment, OP.ZERO, s(y), rows * rows)
        return this.#emit(segment, OP.PLACE, s(y), s(a), 1, rows + 1, 0, rows)
      case 'softmax':
      case 'logSoftmax':
        return this.#emit(segment, OP.SOFTMAX, s(y), s(a), y.columns, rows, Number(node.op === 'logSoftmax'))
      case 'dropout': {
        const { p, stream } = node.attributes as { p: number; stream: number }
        return this.#emit(segment, OP.DROPOUT, s(y), s(a), y.columns, stream, ...floatWords(p))
      }
      case 'lstmGates':
        return this.#emit(segment, OP.LSTM_GATES, s(y), s(y1), s(y2), s(y3), s(a), s(b), y.columns)
      case 'lstmGatesAdjoint':
        return this.#emit(segment, OP.LSTM_GATES_ADJOINT, s(y), s(y1), s(a), s(b), s(c), s(d), s(e), y1.columns)
      case 'gruGates':
        return this.#emit(segment, OP.GRU_GATES, s(y), s(y1), s(a), s(b), s(c), y.columns)
      case 'gruGatesAdjoint':
        return this.#emit(segment, OP.GRU_GATES_ADJOINT, s(y), s(y1), s(y2), s(a), s(b), s(c), s(d), y2.columns)
    }
  }

  #product(node: Node, segment: Segment): void {
    const [x, w, start] = node.inputs as [Value, Value, Value | undefined]
    const y = node.results[0]!
    const packed = this.#packedSlot(w, node.op === 'linear', y.columns, x.columns, segment)
    const mode = this.#startMode(y, start)
    const from = start && mode !== START.IN_PLACE ? this.#slot(start) : 0
    this.#emit(
      segment,
      OP.GEMM,
      this.#slot(y),
      this.#slot(x),
      packed,
      y.columns,
      x.columns,
      mode,
      from,
      fixedRows(y.rows),
    )
  }

  #startMode(y: Value, start: Value | undefined): number {
    if (start === undefined) return START.ZERO
    if (start.rows === 1 && y.rows !== 1) return START.VECTOR
    return this.#storages.get(start) !== undefined && this.#storages.get(start) === this.#storages.get(y)
      ? START.IN_PLACE
      : START.COPY
  }

  /** Packs a weight once for each form it is used in, where it is first known. */
  #packedSlot(w: Value, transposed: boolean, columns: number, depth: number, user: Segment): number {
    let forms = this.#packed.get(w)
    if (forms === undefined) this.#packed.set(w, (forms = {}))
    const known = transposed ? forms.transposed : forms.plain
    if (known !== undefined) return known
    const slot = this.#slots.push({ kind: 'packed', value: w, transposed, elements: columns * depth }) - 1
    forms[transposed ? 'transposed' : 'plain'] = slot
    const segment = user === 'finish' ? 'finish' : 'parameters'
    this.#emit(segment, OP.PACK, slot, this.#slot(w), columns, depth, w.columns, Number(transposed))
    return slot
  }

  #reduction(node: Node, segment: Segment): void {
    const y = node.results[0]!
    const [a, b] = node.inputs as [Value, Value | undefined]
    const direct = this.#directGradient(node)
    const dst = direct ?? this.#slot(y)
    if (direct === undefined)
      this.#emit(isReduction(node) ? 'start' : segment, OP.ZERO, dst, (y.rows as number) * y.columns)
    if (b === undefined) return this.#emit(segment, OP.COLUMN_SUM, dst, this.#slot(a), y.columns, fixedRows(a.rows))
    const panels = this.#slots.push({ kind: 'panels', columns: y.columns }) - 1
    this.#emit(
      segment,
      OP.GEMM_TN,
      dst,
      this.#slot(a),
      this.#slot(b),
      y.rows as number,
      y.columns,
      panels,
      fixedRows(a.rows),
    )
  }

  /** A sum over time that is one parameter's gradient and nothing else accumulates in the gradient itself. */
  #directGradient(node: Node): number | undefined {
    const value = node.results[0]!
    const terms = this.#graph.gradients.filter((term) => term.value === value)
    if (!isReduction(node) || terms.length !== 1 || this.#schedule.consumers.has(value)) return undefined
    return this.#gradientSlot(terms[0]!.param, terms[0]!.firstRow * value.columns)
  }

  #gradientSlot(param: string, firstElement: number): number {
    return this.#slots.push({ kind: 'gradient', param, firstElement }) - 1
  }

  /** Adds the remaining gradient terms at the end of the call. */
  #addGradients(): void {
    for (const { param, firstRow, value } of this.#graph.gradients) {
      if (this.#directGradient(value.node) !== undefined) continue
      const slot = this.#gradientSlot(param, firstRow * value.columns)
      const link = [LINK.ADD, slot, slot, this.#slot(value), 0, 0, 0, 0]
      this.#emit('finish', OP.CHAIN, value.rows as number, value.columns, 1, ...link)
    }
  }
}

const fixedRows = (rows: Value['rows']): number => (rows === 'batch' ? 0 : rows)

/** Row stride, column stride and offset, in elements, of a view's source. */
function viewWords(node: Node): number[] {
  const source = node.inputs[0]!
  if (node.op === 'slice') return [source.columns, 1, node.attributes['from']!]
  if (node.op === 'diagonal') return [0, source.columns + 1, 0]
  return node.op === 'expandRows' ? [0, 1, 0] : [1, 0, 0]
}

/** A float64 as two words, low first. */
function floatWords(constant: number): number[] {
  return [...new Int32Array(new Float64Array([constant]).buffer)]
}
