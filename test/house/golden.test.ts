/**
 * What the whole package computes, against the hashes kept in test/golden: a change that is to leave every number as it is must leave these.
 * `npm run bits -- --write` keeps others, `npm run bits -- --arrays NAME` tells where in a program they part.
 */
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hashesOf } from '../golden/program.ts'
import { PROGRAMS } from '../golden/programs.ts'

const VARIANTS = { simd: { variant: 'simd' }, float64: { dtype: 'float64' } } as const

const golden = suite('golden bits')
for (const [variant, options] of Object.entries(VARIANTS)) {
  const url = new URL(`../golden/${variant}.json`, import.meta.url)
  const kept = JSON.parse(readFileSync(url, 'utf8')) as Record<string, string>

  golden(`${variant}: a hash is kept of every program, and of no other`, () => {
    const names = PROGRAMS.map(({ name }) => name)
    const missing = names.filter((name) => !(name in kept))
    const stray = Object.keys(kept).filter((name) => !names.includes(name))
    assert.is(missing.join('\n'), '', `programs without a kept hash:\n${missing.join('\n')}`)
    assert.is(stray.join('\n'), '', `kept hashes of no program:\n${stray.join('\n')}`)
  })

  golden(`${variant}: every program gives the bits that are kept`, async () => {
    const hashes = await hashesOf(PROGRAMS, options)
    const changed = Object.keys(hashes).filter((name) => name in kept && hashes[name] !== kept[name])
    assert.is(
      changed.length,
      0,
      `${changed.length} of ${PROGRAMS.length} programs give other bits:\n${changed.join('\n')}`,
    )
  })
}
golden.run()
