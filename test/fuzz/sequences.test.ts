/**
 * Two worlds of one seed: both run the same valid calls in a random order, one of them refused ones in between. Their numbers, and what they
 * compute from then on, must stay the same to the bit. FUZZ_SEED gives the seed, which is printed; FUZZ_SECONDS the time, 30 if left out.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, RetrogradError } from '../../bindings/index.ts'

import type { Change, Entry } from './entries/entry.ts'
import { ENTRIES } from './entries/index.ts'
import { type Mutation, describePath, mutated, mutationsOf } from './mutations.ts'
import { randomOf } from './random.ts'
import { type World, differences, endWorld, fingerprint, makeWorld, probe } from './world.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 32)
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 30)
const random = randomOf(seed)
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!
/** Calls before a pair of worlds is compared and a new one is made. */
const CALLS = 200

const test = suite('valid calls among refused ones')

test(`compute the same bits (seed ${seed}, ${seconds} s)`, async () => {
  const end = performance.now() + 1000 * seconds
  const counts = { valid: 0, refused: 0, worlds: 0 }
  while (performance.now() < end) {
    const log: string[] = []
    const [plain, disturbed] = [await makeWorld(seed), await makeWorld(seed)]
    for (let i = 0; i < CALLS && performance.now() < end; i++) {
      const entry = pick(ENTRIES)
      if (random() < 0.3) {
        await both(entry, plain, disturbed)
        log.push(entry.name)
        counts.valid++
      } else if (await disturb(entry, plain, disturbed, log)) counts.refused++
    }
    const place = `seed ${seed}, world ${counts.worlds}; the last calls: ${log.slice(-12).join('; ')}`
    assert.equal(differences(fingerprint(plain), fingerprint(disturbed)), [], place)
    assert.is(probe(disturbed), probe(plain), place)
    assert.is(freshBits(disturbed), freshBits(plain), `a new module differs: ${place}`)
    endWorld(plain)
    endWorld(disturbed)
    counts.worlds++
  }
  assert.ok(counts.valid > 0 && counts.refused > 0, JSON.stringify(counts))
})

test.run()

/** A valid call on both, which may be refused by the machine on both. */
async function both(entry: Entry, ...worlds: World[]): Promise<void> {
  const outcomes = []
  for (const world of worlds) outcomes.push(await outcomeOf(entry, world, (args) => args))
  assert.equal(outcomes[1], outcomes[0], `${entry.name} (seed ${seed})`)
}

/** A wrong call on one. Where it is taken, the other has to go the same way. @returns whether it was refused */
async function disturb(entry: Entry, plain: World, disturbed: World, log: string[]): Promise<boolean> {
  let mutation: Mutation | undefined
  const outcome = await outcomeOf(entry, disturbed, (args) => {
    mutation = pick([...mutationsOf(args, disturbed.wrong)])
    return mutation ? mutated(args, mutation) : args
  })
  const isTaken = outcome === undefined
  log.push(
    `${entry.name}${mutation ? `, ${describePath(mutation.path)} ${mutation.name}` : ''}${isTaken ? '' : ' (refused)'}`,
  )
  // what belongs to making the arguments is done on both
  const isAlone = !isTaken && !entry.trains
  const value = mutation && mutation.name in plain.wrong ? plain.wrong[mutation.name] : mutation?.value
  await outcomeOf(entry, plain, (args) => {
    if (isAlone) throw new RetrogradError('internal', 'not called')
    return mutation ? mutated(args, { ...mutation, value }) : args
  })
  return !isTaken
}

/** The code of our own error, or undefined; any other error is thrown on. */
async function outcomeOf(entry: Entry, world: World, change: Change): Promise<string | undefined> {
  try {
    await entry.run(world, change)
    return undefined
  } catch (error) {
    if (error instanceof RetrogradError) return error.code
    throw new Error(`${entry.name} (seed ${seed}) ends in ${String(error)}`, { cause: error })
  }
}

/** A module that is made now starts with the draws of its place among all. */
function freshBits({ rt }: World): string {
  const gru = new GRU(rt, { inputSize: 2, hiddenSize: 2 })
  return Array.from(gru.parameters()[0]!.value.data.subarray(0, 4)).join()
}
