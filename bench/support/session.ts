/** The process of one entrant of a contest, as the harness sees it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { Unavailable } from './case.ts'
import { type Answer, type Command, type Prepared, REPLY_CHANNEL, type Sample } from './protocol.ts'

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))

/** A process that does not answer for so long is stopped; the slowest compile for half a minute. */
const PATIENCE_MS = 300_000

export interface Launch {
  /** Path of a module with a `prepare` (child.ts), or of a Python script that answers as child.ts does. */
  readonly file: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly nodeFlags?: readonly string[]
  readonly stackMegabytes?: number
}

export class Session {
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>
  #complaints = ''
  readonly #workload: object
  #problem?: Error

  /** The process starts at once; it prepares nothing before it is asked to. */
  constructor({ file, env, nodeFlags = [], stackMegabytes }: Launch, key: string, workload: object) {
    this.#workload = workload
    const node = [process.execPath, ...nodeFlags, '--import', 'tsx', CHILD, file, key]
    const command = file.endsWith('.py') ? ['/usr/bin/python3', file, key] : node
    const limited = stackMegabytes ? ['sh', '-c', `ulimit -s ${stackMegabytes * 1024}; exec "$@"`, 'sh'] : []
    const [program, ...rest] = [...limited, ...command]
    this.#child = spawn(program!, rest, { env: { ...process.env, ...env }, stdio: ['pipe', 'ignore', 'pipe', 'pipe'] })
    this.#child.on('error', (error) => (this.#problem = new Unavailable(error.message)))
    this.#child.stdin!.on('error', () => {}) // a process that died says why on stderr
    this.#child.stderr!.on('data', (text) => (this.#complaints = `${this.#complaints}${text}`.slice(-1500)))
    const replies = this.#child.stdio[REPLY_CHANNEL] as Readable
    this.#answers = createInterface({ input: replies })[Symbol.asyncIterator]()
  }

  /** @param form what is special about the entrant's case, in words that it knows */
  prepare(form: object = {}): Promise<Prepared> {
    return this.#ask({ prepare: form, workload: this.#workload }) as Promise<Prepared>
  }

  sample(seconds: number): Promise<Sample> {
    return this.#ask({ sample: seconds }) as Promise<Sample>
  }

  close(): void {
    this.#child.stdin!.end()
  }

  async #ask(command: Command): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`)
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MS)
    const { value, done } = await this.#answers.next()
    clearTimeout(timer)
    if (done) throw this.#problem ?? new Error(`its process ended: ${lastLine(this.#complaints)}`)
    const answer = JSON.parse(value) as Answer
    if ('unavailable' in answer) throw new Unavailable(answer.unavailable)
    if ('error' in answer) throw new Error(answer.error)
    return answer
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) || 'it says nothing'
