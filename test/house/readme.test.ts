import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

const test = suite('the README')

test("'s first example is examples/first-steps.ts", () => {
  const [, first] = read('README.md').split('```ts\n')
  assert.is(first!.split('```')[0], read('examples/first-steps.ts'))
})

test("'s first example learns what it says", async () => {
  const lines: string[] = []
  const { log } = console
  console.log = (...words: unknown[]) => void lines.push(words.join(' '))
  try {
    await import('../../examples/first-steps.ts')
  } finally {
    console.log = log
  }
  const [first, last] = /loss (\S+) → (\S+)/.exec(lines[0]!)!.slice(1).map(Number)
  assert.ok(first! > 0.1 && last! < first! / 20, lines[0])
  assert.is(lines.length, 6)
})
test.run()
