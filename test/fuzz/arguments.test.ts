/** Wrong arguments, every value in every place: refused by our own error, and nothing is changed or taken by it. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RetrogradError } from '../../bindings/index.ts'
import type { Entry } from './entries/entry.ts'
import { ENTRIES } from './entries/index.ts'
import { type Mutation, at, describePath, kindOf, mutated, mutationsOf } from './mutations.ts'
import { type Fingerprint, differences, fingerprint, makeWorld } from './world.ts'

const world = await makeWorld()

/** What is wrong with how a mutated call went; undefined where all is well. */
async function faultOf(entry: Entry, mutation: Mutation): Promise<string | undefined> {
  let before = { numbers: {} as Fingerprint, used: 0, kind: '' }
  const change = (args: unknown[]) => {
    before = { numbers: fingerprint(world), used: world.rt.memoryUsed, kind: kindOf(at(args, mutation.path)) }
    return mutated(args, mutation)
  }
  try {
    await entry.run(world, change)
    return isLike(entry, mutation, before.kind) ? undefined : `taken for a ${before.kind}`
  } catch (error) {
    if (!(error instanceof RetrogradError)) return String((error as Error)?.stack ?? error)
    if (world.rt.memoryUsed > before.used) return `${world.rt.memoryUsed - before.used} bytes are gone`
    const changed = entry.trains ? [] : differences(before.numbers, fingerprint(world))
    return changed.length > 0 ? `${changed.join(', ')} changed after: ${error.message}` : undefined
  }
}

/** May a value stand where one of that kind stood? Leaving something out may be right; so may what an entry says. */
function isLike(entry: Entry, { path, value }: Mutation, kind: string): boolean {
  if (value === undefined || kindOf(value) === kind) return true
  const place = `${describePath(path)}: `
  return entry.takes.some((taken) => `${place}${kindOf(value)}`.endsWith(taken) || `${place}anything`.endsWith(taken))
}

const test = suite('wrong arguments')

for (const entry of ENTRIES) {
  test(`${entry.name}`, async () => {
    let valid: unknown[] = []
    try {
      await entry.run(world, (args) => (valid = args))
    } catch (error) {
      // what is refused by the machine, not for its arguments
      assert.ok(entry.isRefused, `the valid call is refused: ${String(error)}`)
    }
    const faults: string[] = []
    for (const mutation of mutationsOf(valid, world.wrong)) {
      const fault = await faultOf(entry, mutation)
      if (fault) faults.push(`${describePath(mutation.path)} is ${mutation.name}: ${fault}`)
    }
    assert.is(faults.length, 0, `${faults.length} faults, such as\n${faults.slice(0, 8).join('\n')}`)
  })
}

test.run()
