/**
 * `npm run bits`: one sha256 per program of test/golden, for every variant that this host runs. What `simd` and `float64` give is the same
 * on every host, and kept in test/golden; `relaxed` rounds as the processor does.
 *
 *   --write         keep these hashes as the golden ones
 *   --arrays NAME   of one program, a hash of each array: where two commits part
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type RuntimeOptions, RetrogradError, createRuntime } from '../bindings/index.ts'
import { findingsOf, hashesOf } from '../test/golden/program.ts'
import { PROGRAMS } from '../test/golden/programs.ts'

const VARIANTS: Readonly<Record<string, RuntimeOptions>> = {
  simd: { variant: 'simd' },
  float64: { dtype: 'float64' },
  relaxed: { variant: 'relaxed' },
}

const { values: options } = parseArgs({ options: { write: { type: 'boolean' }, arrays: { type: 'string' } } })

for (const [variant, runtimeOptions] of Object.entries(VARIANTS)) {
  if (!(await runsHere(runtimeOptions))) console.log(`# ${variant}: this host does not run it`)
  else if (options.arrays !== undefined) await printArrays(variant, runtimeOptions, options.arrays)
  else await printPrograms(variant, runtimeOptions)
}

async function runsHere(runtimeOptions: RuntimeOptions): Promise<boolean> {
  try {
    ;(await createRuntime(runtimeOptions)).dispose()
    return true
  } catch (error) {
    if (error instanceof RetrogradError && error.code === 'unsupported') return false
    throw error
  }
}

async function printPrograms(variant: string, runtimeOptions: RuntimeOptions): Promise<void> {
  const started = performance.now()
  const hashes = await hashesOf(PROGRAMS, runtimeOptions)
  console.log(`# ${variant}`)
  for (const [name, hash] of Object.entries(hashes)) console.log(`${name} ${hash}`)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stderr.write(`${variant}: ${PROGRAMS.length} programs in ${seconds} s\n`)
  if (!options.write || variant === 'relaxed') return
  const file = new URL(`../test/golden/${variant}.json`, import.meta.url)
  writeFileSync(file, `${JSON.stringify(hashes, undefined, 2)}\n`)
}

async function printArrays(variant: string, runtimeOptions: RuntimeOptions, name: string): Promise<void> {
  const program = PROGRAMS.find((known) => known.name === name)
  if (!program) throw new Error(`there is no program '${name}'; \`npm run bits\` lists them`)
  console.log(`# ${variant}`)
  for (const [array, hash] of (await findingsOf(program, runtimeOptions)).hashes()) console.log(`${array} ${hash}`)
}
