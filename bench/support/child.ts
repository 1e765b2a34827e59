/**
 * The process of one entrant and one workload: reads commands (protocol.ts), a line of JSON each, from stdin and answers on
 * channel 3, so that what a library prints disturbs nobody.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Case, Unavailable } from './case.ts'
import { type Answer, type Command, REPLY_CHANNEL } from './protocol.ts'

const [file, key] = process.argv.slice(2) as [string, string]
let subject: Case

/** A module's own `prepare`, whatever its keys and workloads are. */
type AnyPrepare = (key: string, workload: object, form: object) => Case | Promise<Case>

async function obey(command: Command): Promise<Answer> {
  if ('sample' in command) return sample(command.sample)
  const { prepare } = (await import(file)) as { prepare: AnyPrepare }
  subject = await prepare(key, command.workload, command.prepare)
  return { values: subject.check ? [...(await subject.check())] : undefined }
}

/** The mean of the calls that fit into the time, at least one: a mean also holds the garbage collector's pauses. */
async function sample(seconds: number): Promise<Answer> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  let calls = 0
  let elapsed = 0
  while (elapsed < seconds * 1000) {
    const result = subject.call()
    if (result instanceof Promise) await result
    calls++
    elapsed = performance.now() - start
  }
  const { user, system } = process.cpuUsage(cpu)
  const share = (subject.times ?? 1) / calls
  return { seconds: (elapsed / 1e3) * share, cpu: ((user + system) / 1e6) * share }
}

const failure = (error: unknown): Answer =>
  error instanceof Unavailable ? { unavailable: error.message } : { error: String(error) }

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await obey(JSON.parse(line)).catch(failure)
  writeSync(REPLY_CHANNEL, `${JSON.stringify(answer)}\n`)
}
process.exit()
