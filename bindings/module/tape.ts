import { fail } from '../runtime/check.ts'

/** What backward needs of a forward. One that was kept (`forward(x, { keep: true })`) lives, with its results, until `dispose`. */
export class Tape<Data = unknown> {
  /** The module that recorded it. */
  readonly module: object
  /** @internal */
  readonly data: Data
  readonly #release: (() => void) | undefined
  #disposed = false

  /** @internal */
  constructor(module: object, data: Data, release?: () => void) {
    this.module = module
    this.data = data
    this.#release = release
  }

  get disposed(): boolean {
    return this.#disposed
  }

  /** Gives the memory of the recorded call back: its output and state go with it. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#release?.()
  }
}

/** The tape that backward is to read: the one given, else the module's own. */
export function expectTape<Data>(
  who: string,
  module: object,
  given: Tape | undefined,
  own: Tape<Data> | undefined,
): Tape<Data> {
  const tape = given === undefined ? own : given
  if (tape === undefined) {
    fail(
      'tape',
      `${who}: there is no tape; call forward in training mode (or with tape: true) right before, and no other forward or step in between; or keep the tape: forward(x, { keep: true })`,
    )
  }
  if (!(tape instanceof Tape)) fail('type', `${who}: tape is not what forward(x, { keep: true }) gave`)
  if (tape.module !== module) fail('tape', `${who}: the tape was recorded by another module`)
  if (tape.disposed) fail('tape', `${who}: the tape was disposed of`)
  return tape as Tape<Data>
}
