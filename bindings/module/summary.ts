import { sizeOf } from '../runtime/tensor.ts'
import { type Module, expectModule } from './module.ts'

interface Row {
  readonly title: string
  readonly options: string
  readonly parameters: number
}

/** A table of a module and what is inside it: classes, options, and how many numbers are learned. */
export function summary(module: Module): string {
  expectModule('summary', module)
  const rows = rowsOf(module, '', '')
  const [title, options] = [widest(rows.map((row) => row.title)), widest(rows.map((row) => row.options))]
  const counts = rows.map(({ parameters }) => String(parameters))
  const count = widest(counts)
  const lines = rows.map((row, i) => {
    return `${row.title.padEnd(title)}  ${row.options.padEnd(options)}  ${counts[i]!.padStart(count)}`
  })
  return `${lines.join('\n')}\n${totalOf(module)}`
}

const widest = (texts: readonly string[]): number => texts.reduce((most, { length }) => Math.max(most, length), 0)

function rowsOf(module: Module, label: string, indent: string): Row[] {
  const children = module.children()
  const parameters = module.parameters().reduce((sum, { value }) => sum + value.size, 0)
  const own = { title: `${indent}${label}${module.type}`, options: optionsText(module.options), parameters }
  const inside = children.flatMap((child, i) => rowsOf(child, children.length > 1 ? `${i} ` : '', `${indent}  `))
  return [own, ...inside]
}

/** Numbers and words as they are, flags that are set by name; what is 0, false or empty says nothing. */
function optionsText(options: object): string {
  const texts = Object.entries(options).map(([name, value]) => {
    if (value === true) return name
    if (typeof value === 'number' || typeof value === 'string') return value ? `${name} ${value}` : ''
    return Array.isArray(value) && value.length > 0 ? `${name} [${value.join(', ')}]` : ''
  })
  return texts.filter(Boolean).join(', ')
}

function totalOf(module: Module): string {
  const blocks = [...new Set(module.blocks())]
  const sizes = blocks.flatMap(({ parameters, frozen }) =>
    parameters.map(({ name, value }) => ({ size: sizeOf(value.shape), isFrozen: frozen.has(name) })),
  )
  const sum = (frozen: boolean) =>
    sizes.filter(({ isFrozen }) => isFrozen === frozen).reduce((total, { size }) => total + size, 0)
  const [trained, frozen] = [sum(false), sum(true)]
  return frozen === 0 ? `${trained} parameters` : `${trained + frozen} parameters, ${frozen} of them frozen`
}
