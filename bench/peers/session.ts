/** A peer's process, as the harness sees it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { type Form, Unavailable } from './peer.ts'
import { type Answer, type Command, type Prepared, REPLY_CHANNEL, type Sample } from './protocol.ts'
import type { Row } from './rows.ts'

const folder = new URL('.', import.meta.url)
const path = (file: string): string => new URL(file, folder).pathname

/** A peer that does not answer for so long is stopped; the slowest compile for half a minute. */
const PATIENCE_MS = 300_000

export type Launch = Pick<Row, 'file' | 'env' | 'nodeFlags' | 'stackMegabytes'>

export class Session {
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>
  #complaints = ''
  readonly #workload: object
  #problem?: Error

  /** @param row its `file` in this folder */
  constructor({ file, env, nodeFlags = [], stackMegabytes }: Launch, key: string, workload: object) {
    this.#workload = workload
    const node = [process.execPath, ...nodeFlags, '--import', 'tsx', path('child.ts'), path(file), key]
    const command = file.endsWith('.py') ? ['/usr/bin/python3', path(file), key] : node
    const limited = stackMegabytes ? ['sh', '-c', `ulimit -s ${stackMegabytes * 1024}; exec "$@"`, 'sh'] : []
    const [program, ...rest] = [...limited, ...command]
    this.#child = spawn(program!, rest, { env: { ...process.env, ...env }, stdio: ['pipe', 'ignore', 'pipe', 'pipe'] })
    this.#child.on('error', (error) => (this.#problem = new Unavailable(error.message)))
    this.#child.stdin!.on('error', () => {}) // a process that died says why on stderr
    this.#child.stderr!.on('data', (text) => (this.#complaints = `${this.#complaints}${text}`.slice(-1500)))
    const replies = this.#child.stdio[REPLY_CHANNEL] as Readable
    this.#answers = createInterface({ input: replies })[Symbol.asyncIterator]()
  }

  prepare(form: Form): Promise<Prepared> {
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
