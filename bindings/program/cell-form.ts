/** What a cell must be, before its step is looked at. */
import { describeValue, expectOptions, fail, isRecord, shapeText } from '../runtime/check.ts'
import type { Cell, Initial, Size } from './trace.ts'

/** '3H' is three times H. */
export const NAMED = /^(\d*)([A-Za-z]\w*)$/

const PARTS = [
  ['state', 'sizes'],
  ['input', 'sizes'],
  ['params', 'shapes'],
] as const

/** Refuses what is no cell. */
export function expectForm(who: string, cell: Cell): void {
  expectOptions(who, cell, ['state', 'input', 'params', 'initial', 'step'], 'cell')
  for (const [part, of] of PARTS) {
    const given: unknown = cell[part]
    if (!isRecord(given))
      fail('cell', `${who}: ${part} is ${describeValue(given)}; expected ${of} by name, {} for none`)
  }
  const sized = [...Object.entries(cell.state), ...Object.entries(cell.input)]
  for (const [name, size] of sized) {
    if (!isSize(size)) fail('cell', `${who}: '${name}' is ${describeValue(size)}; expected ${SIZE}`)
  }
  for (const [name, shape] of Object.entries(cell.params)) {
    if (!isSizes(shape))
      fail('cell', `${who}: parameter '${name}' is ${shapeOf(shape)}; expected [n] or [rows, columns], each ${SIZE}`)
  }
  expectNames(who, cell)
  if (typeof cell.step !== 'function') fail('cell', `${who}: step is ${describeValue(cell.step)}; expected a function`)
  const { initial = {} } = cell
  if (!isRecord(initial)) fail('cell', `${who}: initial is ${describeValue(initial)}; expected numbers by name`)
  for (const [name, start] of Object.entries(initial)) {
    if (!Object.hasOwn(cell.params, name)) fail('cell', `${who}: initial names '${name}', which is no parameter`)
    if (!isInitial(start))
      fail('cell', `${who}: initial: '${name}' is ${shapeOf(start)}; expected a number, or [low, high]`)
  }
}

const SIZE = "a whole number >= 1, or a name with an optional factor ('H', '3H')"

const isSize = (size: unknown): size is Size =>
  typeof size === 'number' ? Number.isSafeInteger(size) && size > 0 : typeof size === 'string' && NAMED.test(size)

const isSizes = (shape: unknown): shape is Size[] =>
  Array.isArray(shape) && (shape.length === 1 || shape.length === 2) && shape.every(isSize)

const isInitial = (start: unknown): start is Initial =>
  Number.isFinite(start) ||
  (Array.isArray(start) && start.length === 2 && start.every(Number.isFinite) && start[0] <= start[1])

const shapeOf = (shape: unknown): string =>
  Array.isArray(shape) ? shapeText(shape.map((size: unknown) => describeValue(size))) : describeValue(shape)

function expectNames(who: string, cell: Cell): void {
  const names = [cell.state, cell.input, cell.params].flatMap((part) => Object.keys(part))
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined)
    fail('cell', `${who}: '${twice}' is named twice; states, inputs and params share one name space`)
}
