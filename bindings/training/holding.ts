/** Who trains a model: one `fit` at a time, and no evaluation beside it but in a turn that it gives. */
import type { Module } from '../module/module.ts'
import { fail } from '../runtime/check.ts'

const holders = new WeakMap<Module, Holding>()

/** A model and all that is inside it, held by a run of training. */
export class Holding {
  readonly #modules: readonly Module[]
  #turn: object | undefined

  /** @throws RetrogradError 'busy' where one of the modules is held already; none is then */
  constructor(who: string, model: Module) {
    this.#modules = model.descendants()
    if (this.#modules.some((module) => holders.has(module)))
      fail('busy', `${who}: the model, or a part of it, is being trained by another fit; await that one, or abort it`)
    for (const module of this.#modules) holders.set(module, this)
  }

  /** While this runs, the model is anyone's. */
  async lend<Result>(run: () => Result | Promise<Result>): Promise<Result> {
    this.#turn = {}
    try {
      return await run()
    } finally {
      this.#turn = undefined
    }
  }

  get turn(): object | undefined {
    return this.#turn
  }

  end(): void {
    for (const module of this.#modules) holders.delete(module)
  }
}

const REMEDY = 'await it inside onProgress, or when fit is done'

/** What an evaluation that begins now checks before each of its batches: that no training goes on. */
export function evaluationOf(who: string, model: Module): () => void {
  const turns = () => {
    const held = model.descendants().flatMap((module) => holders.get(module) ?? [])
    if (held.some(({ turn }) => turn === undefined))
      fail('busy', `${who}: the model, or a part of it, is being trained by fit; ${REMEDY}`)
    return held.map(({ turn }) => turn)
  }
  const own = turns()
  return () => {
    const now = turns()
    if (now.length === own.length && now.every((turn, i) => turn === own[i])) return
    fail('busy', `${who}: the model was trained by fit since this began; ${REMEDY}`)
  }
}
