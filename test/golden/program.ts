/** What a golden program is, and how a host runs it. */
import { type Runtime, type RuntimeOptions, createRuntime } from '../../bindings/index.ts'
import { Findings } from './findings.ts'

/** Something that the package computes. All of its draws follow from the runtime's seed and from test/support/generator.ts. */
export interface Program {
  readonly name: string
  run(rt: Runtime, found: Findings): void | Promise<void>
}

const SEED = 20_241

/** Runs a program on a runtime of its own, so that no other one moves its draws. */
export async function findingsOf(program: Program, options: RuntimeOptions): Promise<Findings> {
  const rt = await createRuntime({ ...options, seed: SEED })
  const found = new Findings()
  try {
    await program.run(rt, found)
  } catch (error) {
    throw new Error(`the program '${program.name}' fails: ${(error as Error).message}`, { cause: error })
  } finally {
    rt.dispose()
  }
  return found
}

/** Hashes of all programs by name. */
export async function hashesOf(programs: readonly Program[], options: RuntimeOptions): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {}
  for (const program of programs) {
    if (program.name in hashes) throw new Error(`two programs are called '${program.name}'`)
    hashes[program.name] = (await findingsOf(program, options)).hash()
  }
  return hashes
}

/** A table's entries as programs, named after the subject and the entry. */
export function programs(subject: string, table: Readonly<Record<string, Program['run']>>): Program[] {
  return Object.entries(table).map(([name, run]) => ({ name: `${subject}: ${name}`, run }))
}
