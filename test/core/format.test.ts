import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CONTEXT, MAPPING, METHOD, MODE, OUTCOME, SOLVE, TARGET, UNROLLING } from '../../bindings/equilibrium/format.ts'
import { LU_COLUMNS } from '../../bindings/equilibrium/settings.ts'
import * as format from '../../bindings/program/format.ts'

/** `export const NAME: i32 = value` of a file of the core. */
function constants(path: string): Map<string, number> {
  const text = readFileSync(new URL(`../../assembly/${path}`, import.meta.url), 'utf8')
  return new Map(
    [...text.matchAll(/export const (\w+): (?:i32|usize) = (\d+);/g)].map(([, name, value]) => [name!, Number(value)]),
  )
}

/** Fields of the classes that a file of the core declares, as `bindings/equilibrium/format.ts` lists them. */
function records(path: string): Map<string, { words: string[]; floats: string[] }> {
  const text = readFileSync(new URL(`../../assembly/${path}`, import.meta.url), 'utf8')
  return new Map(
    [...text.matchAll(/export class (\w+)(?: extends \w+)? \{\n([^}]*)\}/g)].map(([, name, body]) => {
      const fields = [...body!.matchAll(/^  (\w+): (\w+);/gm)].map(([, field, type]) => ({ field: field!, type }))
      const named = (isFloat: boolean) =>
        fields.filter(({ type }) => (type === 'f64') === isFloat).map(({ field }) => field)
      const firstFloat = fields.findIndex(({ type }) => type === 'f64')
      assert.ok(firstFloat < 0 || fields.slice(firstFloat).every(({ type }) => type === 'f64'), `${name}: words first`)
      return [name!.toUpperCase(), { words: named(false), floats: named(true) }]
    }),
  )
}

const test = suite('the binary format')
test('has the same numbers in the core and in the bindings', () => {
  const core = new Map([...constants('engine/format.ts'), ...constants('ops/codes.ts')])
  const own = new Map<string, number>()
  for (const [group, value] of Object.entries(format)) {
    if (typeof value === 'number') own.set(group, value)
    else for (const [name, number] of Object.entries(value)) own.set(`${group}_${name}`, number)
  }
  // fields of a link and the byte width of a word are known to the core alone
  const coreOnly = [
    'WORD_BYTES',
    'FIRST_BINARY',
    'LINK_CODE',
    'LINK_DST',
    'LINK_A',
    'LINK_B',
    'LINK_CONSTANT',
    'LINK_OFFSET',
  ]
  for (const name of coreOnly) assert.ok(core.delete(name), name)
  assert.equal(Object.fromEntries([...own].sort()), Object.fromEntries([...core].sort()))
  assert.ok(own.size > 60)
})

test("the solvers' records have the same fields in the core and in the bindings", () => {
  const core = new Map(
    ['solvers/solve.ts', 'solvers/row-map.ts', 'engine/mapping.ts', 'engine/iterations.ts'].flatMap((path) => [
      ...records(path),
    ]),
  )
  const [map, mapping] = ['ROWMAP', 'MAPPING'].map((name) => core.get(name)!.words) as [string[], string[]]
  mapping.unshift(...map)
  core.delete('ROWMAP')
  assert.equal([...core.keys()].sort(), ['CONTEXT', 'MAPPING', 'SOLVE', 'TARGET', 'UNROLLING'])
  for (const [name, { words, floats }] of Object.entries({ CONTEXT, MAPPING, SOLVE, TARGET, UNROLLING })) {
    assert.equal(core.get(name), { words: [...words], floats: [...floats] }, name)
  }
})

test("the solvers' codes are the same in both", () => {
  const own = new Map<string, number>()
  for (const [group, codes] of Object.entries({ METHOD, MODE, OUTCOME }))
    for (const [name, number] of Object.entries(codes)) own.set(`${group}_${name}`, number)
  assert.equal(Object.fromEntries([...own].sort()), Object.fromEntries([...constants('solvers/solve.ts')].sort()))
  assert.is(LU_COLUMNS, constants('solvers/lu.ts').get('LU_COLUMNS'))
})

test.run()
