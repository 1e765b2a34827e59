import { fail } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { ForwardResult } from './options.ts'
import { mapTensors } from './state.ts'

/** Gives back what tapes hold that were dropped without `dispose`, where the host tells. */
const dropped =
  typeof FinalizationRegistry === 'undefined' ? undefined : new FinalizationRegistry((release: () => void) => release())

/**
 * What backward needs of a forward. One that was kept (`forward(x, { keep: true })`) lives, with its results, until `dispose`, or until
 * tape and results are all dropped.
 */
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
    if (release) dropped?.register(this, release, this)
  }

  get disposed(): boolean {
    return this.#disposed
  }

  /** Gives the memory of the recorded call back: its output and state go with it. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    if (this.#release === undefined) return
    dropped?.unregister(this)
    this.#release()
  }
}

/** A kept tape with its results: whoever holds one of them keeps all. */
export function keptWith(tape: Tape, { output, state }: ForwardResult): ForwardResult {
  const held = (tensor: Tensor) => tensor.heldWith(tape)
  return { output: held(output), ...(state && { state: mapTensors(state, held) }), tape }
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
