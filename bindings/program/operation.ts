/**
 * What a step is made of: operations, their applications (nodes) and the values that these give. A value is a matrix with
 * one row per sample ('batch': per step and sample) or with a fixed number of rows (a parameter, or what follows from
 * parameters alone).
 */
import type { Core } from '../runtime/core.ts'
import { describeValue, fail } from '../runtime/check.ts'

export type Rows = 'batch' | number

/** A value, or undefined for zeros: a cotangent that nothing sends, the tangent of what does not move. */
export type Maybe = Value | undefined

/**
 * All that is known of an operation outside its kernel. What does not apply is left out: a leaf has neither encoding nor
 * derivatives, a fused operation has its plain form in place of a tangent.
 */
export interface Operation extends Derivatives, Encoding, Structure {
  /** In messages and tests. */
  readonly name: string
}

/** Rules for source transformation, made of operations that have rules themselves. */
export interface Derivatives {
  /** From the cotangents of a node's results, one of them given at least, those of its inputs. */
  adjoint?(node: Node, cotangents: readonly Maybe[]): readonly Maybe[]
  /** From the tangents of a node's inputs, one of them given at least, that of its result. */
  tangent?(node: Node, tangents: readonly Maybe[]): Maybe
  /** The results that others read, from the same inputs by operations that have every rule. */
  plain?(inputs: readonly Value[]): readonly Value[]
}

/** How the engine runs it, as a link of a chain or by instructions, and in which memory. */
export interface Encoding {
  readonly link?: Link
  emit?(node: Node, emitter: Emitter): void
  /** The input whose memory a result may take. */
  inPlace?(node: Node, result: Value): Maybe
  /** The result is a part of an input's memory, from this element on: nothing is computed. */
  alias?(node: Node): { readonly of: Value; readonly firstElement: number }
}

/** What the general transformations ask an operation about. */
export interface Structure {
  readonly isLeaf?: boolean
  /** Reads another value, or a constant, in a way of its own: cheap enough to run where it is used, not where it first could. */
  readonly isView?: boolean
  /** One row stands for all rows of all steps. */
  readonly isRepeated?: boolean
  /** The result is the input. */
  readonly isCopy?: boolean
  /** Sums over rows: over all steps, too, where its inputs have a row for each. */
  readonly sumsRows?: boolean
  /** Its results are drawn anew at each step. */
  readonly isRandom?: boolean
  /** The result is the one input among zeros: from which row or column on. */
  placement?(node: Node): { readonly along: 'rows' | 'columns'; readonly from: number }
  /** Of a sum whose accumulators start from zeros: the same sum, starting from another value. */
  startFrom?(node: Node): ((start: Value) => Value) | undefined
  readonly activations?: Activations
}

/** An elementwise operation in a chain: its code, and up to four words after its operands. */
export interface Link {
  readonly code: number
  words?(node: Node): readonly number[]
}

export type ActivationKind = 'sigmoid' | 'tanh' | 'relu'

/** Which result holds activations, and of what kind its columns are, in blocks of equal width side by side. */
export interface Activations {
  readonly result: number
  readonly blocks: readonly {
    readonly kind: ActivationKind
    /** A gate's usual letter. */
    readonly name?: string
    /** Says how much of the state stays. */
    readonly keeps?: boolean
  }[]
}

/** What an operation writes its instructions with; they go where the schedule placed the node. */
export interface Emitter {
  /** The index by which instructions name a value. */
  slot(value: Value): number
  emit(opcode: number, ...operands: readonly number[]): void
  /** Index of a weight in the form that products read, packed once where it is first known. */
  packed(weight: Value, isTransposed: boolean): number
  /** Index of where a sum over rows is added up, zeros before its first term, and of the total that it is a part of. */
  accumulator(sum: Node): readonly [sum: number, total: number]
  /** Index of memory that one instruction uses for itself; how many bytes, the core says. */
  scratch(bytes: ScratchBytes): number
  /** Do two values lie in the same memory? */
  isInPlace(a: Value, b: Value): boolean
}

export type ScratchBytes = (core: Core, elementBytes: number) => number

/** An operation applied: its inputs, its numbers (sizes, constants), and one value per result. */
export interface Node {
  /** Rises with every node made: the order of ids is a topological order. */
  readonly id: number
  readonly op: Operation
  readonly inputs: readonly Value[]
  readonly attributes: Readonly<Record<string, number>>
  /** Leaves only: the name of the input, state or parameter. */
  readonly name: string
  readonly results: Value[]
}

/** One result of a node. Cells receive these as arguments and combine them by the functions of `retrograd/ops`. */
export class Value {
  readonly node: Node
  readonly index: number
  readonly rows: Rows
  readonly columns: number

  constructor(node: Node, index: number, rows: Rows, columns: number) {
    this.node = node
    this.index = index
    this.rows = rows
    this.columns = columns
  }
}

let nodes = 0

/** Applies an operation and returns its results, of the shapes given. */
export function makeNode(
  op: Operation,
  inputs: readonly Value[],
  shapes: readonly (readonly [Rows, number])[],
  attributes: Readonly<Record<string, number>> = {},
  name = '',
): Value[] {
  for (const input of inputs) expectValue(op.name, input)
  const node: Node = { id: nodes++, op, inputs, attributes, name, results: [] }
  for (const [index, [rows, columns]] of shapes.entries()) node.results.push(new Value(node, index, rows, columns))
  return node.results
}

/** Applies an operation of one result. */
export function apply(
  op: Operation,
  inputs: readonly Value[],
  rows: Rows,
  columns: number,
  attributes?: Readonly<Record<string, number>>,
): Value {
  return makeNode(op, inputs, [[rows, columns]], attributes)[0]!
}

/** Applies a node's operation to other inputs of the same shapes. */
export function reapply({ op, results, attributes, name }: Node, inputs: readonly Value[]): Value[] {
  const shapes = results.map(({ rows, columns }) => [rows, columns] as const)
  return makeNode(op, inputs, shapes, attributes, name)
}

export function isLeaf(value: Value): boolean {
  return value.node.op.isLeaf === true
}

/** What a builder takes in one place: a value, one that may be left out, a value or a number; `other` is the builder's own to check. */
export type Argument = 'value' | 'optional' | 'number' | 'value or number' | 'other'

/**
 * The function that steps call for an operation: refuses what is no value before the builder looks at it. Every function of `retrograd/ops`
 * is made by this.
 *
 * @param places what it takes, place by place
 * @param rest what it takes in all further places; anything if left out: what `map` and `reduce` pass beside an element is not its own
 */
export function builder<Build extends (...values: never[]) => unknown>(
  name: string,
  places: readonly Argument[],
  build: Build,
  rest: Argument = 'other',
): Build {
  const checked = (...given: never[]): unknown => {
    const count = Math.max(places.length, given.length)
    for (let i = 0; i < count; i++) expectArgument(name, i, given[i], places[i] ?? rest)
    return build(...given)
  }
  return checked as Build
}

const EXPECTED: Partial<Record<Argument, string>> = {
  number: 'a number',
  'value or number': 'a number or a value of the step',
}

function expectArgument(who: string, index: number, given: unknown, argument: Argument): void {
  if (argument === 'other' || (given instanceof Value && argument !== 'number')) return
  if (argument === 'optional' && given === undefined) return
  if (argument.endsWith('number') && typeof given === 'number') return
  const [what, hint] = [describeValue(given), given === undefined ? ' (a misspelt name?)' : '']
  const expected = EXPECTED[argument] ?? 'a value of the step'
  fail('cell', `${who}: argument ${index + 1} is ${what}; expected ${expected}${hint}`)
}

function expectValue(who: string, value: unknown): void {
  if (value instanceof Value) return
  fail('cell', `${who}: an operand is ${describeValue(value)}; expected a value of the step`)
}

export function valueShape({ rows, columns }: Value): string {
  return `[${rows === 'batch' ? 'B' : rows}, ${columns}]`
}
