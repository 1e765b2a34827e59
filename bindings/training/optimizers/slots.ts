/** Where an optimiser keeps what it knows of each parameter. */
import type { ParameterBlock } from '../../module/parameters.ts'
import type { Shape, Tensor } from '../../runtime/tensor.ts'
import type { Counters } from './counters.ts'
import { type Trained, parametersOf } from './trained.ts'

/** A parameter, by the name under which its state is kept. */
export interface Slot {
  readonly name: string
  readonly value: Tensor
  readonly shape: Shape
  /** Counted over all blocks of the optimiser. */
  readonly index: number
  /** Bytes from its block's start: the same in every moment's array. */
  readonly offset: number
  readonly weightDecay: number
}

/** Neighbours in a block that are updated alike. */
export interface Range {
  readonly elements: number
  readonly weightDecay: number
  /** Addresses of the first value and gradient. */
  readonly value: number
  readonly grad: number
  /** Addresses of the first element of each moment, by name. */
  readonly moments: Readonly<Record<string, number>>
  /** How many parameters, and the address of the first one's counters. */
  readonly parameters: number
  readonly counters: number
}

/** Slots of each block. A parameter with several names has the first of them. */
export function makeSlots(
  trained: Trained,
  blocks: readonly ParameterBlock[],
  decayOf: (value: Tensor) => number,
): Slot[][] {
  const names = new Map<Tensor, string>()
  for (const { name, value } of parametersOf(trained)) if (!names.has(value)) names.set(value, name)
  let index = 0
  return blocks.map((block) =>
    block.parameters.map(({ name, value }) => ({
      name: names.get(value) ?? name,
      value,
      shape: value.shape,
      index: index++,
      offset: value.address - block.values.address,
      weightDecay: decayOf(value),
    })),
  )
}

/** What is not frozen, as few ranges as there can be: neighbours with the same decay and the same counts are one. */
export function makeRanges(
  block: ParameterBlock,
  slots: readonly Slot[],
  counters: Counters,
  moments: Readonly<Record<string, number>>,
): Range[] {
  const ranges: Range[] = []
  let before: Slot | undefined
  for (const [i, slot] of slots.entries()) {
    const { name, grad } = block.parameters[i]!
    if (block.frozen.has(name)) continue
    const { elements } = block.rangeOf(i)
    const joins = before?.index === slot.index - 1 && isAlike(before, slot, counters)
    before = slot
    if (joins) {
      const last = ranges.at(-1)!
      ranges[ranges.length - 1] = { ...last, elements: last.elements + elements, parameters: last.parameters + 1 }
    } else ranges.push(rangeAt(slot, grad, elements, counters, moments))
  }
  return ranges
}

function rangeAt(
  { value, offset, index, weightDecay }: Slot,
  grad: Tensor,
  elements: number,
  counters: Counters,
  moments: Readonly<Record<string, number>>,
): Range {
  return {
    elements,
    weightDecay,
    value: value.address,
    grad: grad.address,
    moments: Object.fromEntries(Object.entries(moments).map(([name, start]) => [name, start + offset])),
    parameters: 1,
    counters: counters.addressOf(index),
  }
}

const isAlike = (a: Slot, b: Slot, counters: Counters): boolean =>
  a.weightDecay === b.weightDecay && counters.areEqual(a.index, b.index)
