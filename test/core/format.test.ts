import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as solvers from '../../bindings/equilibrium/format.ts'
import * as fixedPoints from '../../bindings/equilibrium/records.ts'
import { LU_COLUMNS } from '../../bindings/equilibrium/settings.ts'
import * as format from '../../bindings/program/format.ts'
import * as records from '../../bindings/program/records.ts'

/** `export const NAME: i32 = value` of a file of the core. */
function constants(path: string): Map<string, number> {
  const text = readFileSync(new URL(`../../assembly/${path}`, import.meta.url), 'utf8')
  return new Map(
    [...text.matchAll(/export const (\w+): (?:i32|usize) = (\d+);/g)].map(([, name, value]) => [name!, Number(value)]),
  )
}

interface Fields {
  readonly words: readonly string[]
  readonly floats: readonly string[]
}

/** Fields of the classes that files of the core declare, inherited ones first, by the names that the bindings give to records. */
function classes(...paths: string[]): Record<string, Fields> {
  const found: Record<string, Fields> = {}
  for (const path of paths) {
    const text = readFileSync(new URL(`../../assembly/${path}`, import.meta.url), 'utf8')
    for (const [, name, base, body] of text.matchAll(/export class (\w+)(?: extends (\w+))? \{\n([^}]*)\}/g)) {
      const fields = [...body!.matchAll(/^  (\w+): (\w+);/gm)].map(([, field, type]) => ({ field: field!, type }))
      const named = (isFloat: boolean) =>
        fields.filter(({ type }) => (type === 'f64') === isFloat).map(({ field }) => field)
      const firstFloat = fields.findIndex(({ type }) => type === 'f64')
      assert.ok(firstFloat < 0 || fields.slice(firstFloat).every(({ type }) => type === 'f64'), `${name}: words first`)
      const inherited = base ? found[base.toUpperCase()]! : { words: [], floats: [] }
      found[name!.toUpperCase()] = {
        words: [...inherited.words, ...named(false)],
        floats: [...inherited.floats, ...named(true)],
      }
    }
  }
  return found
}

const test = suite('the binary format')
test('has the same numbers in the core and in the bindings', () => {
  const core = new Map([...constants('engine/format.ts'), ...constants('ops/codes.ts')])
  const own = new Map<string, number>()
  for (const [group, value] of Object.entries(format)) {
    if (typeof value === 'number') own.set(group, value)
    else for (const [name, number] of Object.entries(value)) own.set(`${group}_${name}`, number)
  }
  for (const name of ['WORD_BYTES', 'FIRST_BINARY', 'FIRST_TERNARY'])
    assert.ok(core.delete(name), `${name}, of the core alone`)
  assert.equal(Object.fromEntries([...own].sort()), Object.fromEntries([...core].sort()))
  assert.ok(own.size > 60)
})

test('has the same records in the core and in the bindings', () => {
  const { ROWMAP, ...core } = classes(
    'engine/records.ts',
    'solvers/solve.ts',
    'solvers/row-map.ts',
    'engine/mapping.ts',
    'engine/iterations.ts',
  )
  assert.ok(ROWMAP, 'what a mapping is to solvers')
  const own = Object.entries({ ...records, ...fixedPoints }).map(([name, { words, floats }]) => [
    name,
    { words: [...words], floats: [...floats] },
  ])
  assert.equal(Object.fromEntries(own), core)
  assert.is(own.length, 14)
})

test("the solvers' codes are the same in both", () => {
  const own = new Map<string, number>()
  for (const [group, codes] of Object.entries(solvers))
    for (const [name, number] of Object.entries(codes)) own.set(`${group}_${name}`, number)
  assert.equal(Object.fromEntries([...own].sort()), Object.fromEntries([...constants('solvers/solve.ts')].sort()))
  assert.is(LU_COLUMNS, constants('solvers/lu.ts').get('LU_COLUMNS'))
})

test.run()
