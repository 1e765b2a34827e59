// Fixed points put to use: a classifier without layers, gradients with nothing to go back through, a reactor's steady states.
// node --import tsx examples/equilibrium/main.ts [--quick] [--part classifier|equivalence|reactor]
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { classifier } from './classifier.ts'
import { equivalence } from './equivalence.ts'
import { reactor } from './reactor.ts'

/** Each returns its figures by file name. */
const parts: Readonly<Record<string, (quick: boolean) => Promise<Record<string, string>>>> = {
  classifier,
  equivalence,
  reactor,
}
const { quick, part } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, part: { type: 'string' } },
}).values
if (part !== undefined && !Object.hasOwn(parts, part))
  throw new Error(`--part ${part}: expected ${Object.keys(parts).join(', ')}`)
const folder = 'out/equilibrium'
mkdirSync(folder, { recursive: true })

for (const [name, run] of Object.entries(parts)) {
  if (part !== undefined && name !== part) continue
  const started = performance.now()
  console.log(`== ${name}`)
  for (const [file, svg] of Object.entries(await run(quick))) {
    writeFileSync(`${folder}/${file}`, svg)
    console.log(`wrote ${folder}/${file}`)
  }
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s\n`)
}
