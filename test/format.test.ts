import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as format from '../bindings/program/format.ts'

/** `export const NAME: i32 = value` of a file of the core. */
function constants(path: string): Map<string, number> {
  const text = readFileSync(new URL(`../assembly/${path}`, import.meta.url), 'utf8')
  return new Map(
    [...text.matchAll(/export const (\w+): (?:i32|usize) = (\d+);/g)].map(([, name, value]) => [name!, Number(value)]),
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
test.run()
