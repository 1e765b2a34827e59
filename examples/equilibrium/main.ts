// Fixed points put to use: a classifier without layers, gradients with nothing to go back through, a reactor's steady states.
// node --import tsx examples/equilibrium/main.ts [--quick] [--only classifier|equivalence|reactor]
import { readCommand } from '../kit/command.ts'
import { save } from '../kit/output.ts'
import { classifier } from './classifier.ts'
import { equivalence } from './equivalence.ts'
import { reactor } from './reactor.ts'

/** Each returns its figure. */
const PARTS = { classifier, equivalence, reactor }
const { quick, chosen } = readCommand(Object.keys(PARTS) as (keyof typeof PARTS)[])

for (const name of chosen) {
  const started = performance.now()
  console.log(`== ${name}`)
  save(`equilibrium/${name}.svg`, await PARTS[name](quick))
  console.log(`wrote out/equilibrium/${name}.svg`)
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s\n`)
}
