/** Cotangents: what the users of a value send back to it, added up. */
import type { Maybe, Value } from './operation.ts'
import { joined } from './ops/columns.ts'
import { add } from './ops/elementwise.ts'

/** The contributions to each value's cotangent, added up when first asked for. */
export class Cotangents {
  readonly #parts = new Map<Value, Value[]>()

  send(value: Value, part: Value): void {
    const parts = this.#parts.get(value)
    if (parts) parts.push(part)
    else this.#parts.set(value, [part])
  }

  parts(value: Value): readonly Value[] {
    return this.#parts.get(value) ?? []
  }

  of(value: Value): Maybe {
    const parts = this.parts(value)
    if (parts.length === 0) return undefined
    const total = addUp(parts)
    this.#parts.set(value, [total])
    return total
  }
}

/** Adds contributions: side-by-side slices are joined, a product's accumulators start from the rest of the sum. */
function addUp(parts: readonly Value[]): Value {
  const joined = joinPads(parts)
  const rest = joined.filter((value) => !continuation(value))
  let total = rest.length > 0 ? rest.reduce((sum, part) => add(sum, part)) : undefined
  for (const value of joined) {
    const continueFrom = continuation(value)
    if (continueFrom) total = total === undefined ? value : continueFrom(total)
  }
  return total!
}

/** How a value's accumulators can start from another one. */
const continuation = (value: Value): ((start: Value) => Value) | undefined =>
  value.rows === 'batch' ? value.node.op.startFrom?.(value.node) : undefined

/** Pads that tile the whole width, as the gradients of all slices of a value do, become one concat. */
function joinPads(parts: readonly Value[]): readonly Value[] {
  const pads = parts.flatMap((value) => {
    const placement = value.node.op.placement?.(value.node)
    return placement?.along === 'columns' ? [{ value, from: placement.from, operand: value.node.inputs[0]! }] : []
  })
  pads.sort((a, b) => a.from - b.from)
  let end = 0
  for (const { from, operand } of pads) {
    if (from !== end) return parts
    end += operand.columns
  }
  if (pads.length < 2 || end !== pads[0]!.value.columns) return parts
  const padded = new Set(pads.map(({ value }) => value))
  return [...parts.filter((value) => !padded.has(value)), joined(pads.map(({ operand }) => operand))]
}
