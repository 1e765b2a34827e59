/** Who trains a model: one `fit` at a time, and no evaluation beside it but in a turn that it gives. */
import type { Module } from '../module/module.ts'
import { fail } from '../runtime/check.ts'

/** By module: the last that held it. */
const holders = new WeakMap<Module, Holding>()

/** A model and all that is inside it, held by a run of training. */
export class Holding {
  #hasEnded = false
  #isLent = false
  /** Of training so far. */
  steps = 0

  /** @throws RetrogradError 'busy' where one of the modules is held already; none is then */
  constructor(who: string, model: Module) {
    const modules = model.descendants()
    if (modules.some((module) => holders.get(module)?.holds))
      fail('busy', `${who}: the model, or a part of it, is being trained by another fit; await that one, or abort it`)
    for (const module of modules) holders.set(module, this)
  }

  get holds(): boolean {
    return !this.#hasEnded
  }

  /** Is nobody else to run the model now? */
  get isClosed(): boolean {
    return this.holds && !this.#isLent
  }

  /** While this runs, the model may be evaluated. */
  async lend<Result>(run: () => Result | Promise<Result>): Promise<Result> {
    this.#isLent = true
    try {
      return await run()
    } finally {
      this.#isLent = false
    }
  }

  end(): void {
    this.#hasEnded = true
  }
}

const REMEDY = 'await it inside onProgress, or when fit is done'

/** What an evaluation that begins now checks before each of its batches: that the model is not trained meanwhile. */
export function evaluationOf(who: string, model: Module): () => void {
  const held = () => {
    const all = model.descendants().flatMap((module) => holders.get(module) ?? [])
    if (all.some(({ isClosed }) => isClosed))
      fail('busy', `${who}: the model, or a part of it, is being trained by fit; ${REMEDY}`)
    return all.filter(({ steps }) => steps > 0)
  }
  const before = held().map((holding) => ({ holding, steps: holding.steps }))
  return () => {
    const now = held()
    const isSame = (holding: Holding, i: number) => before[i]?.holding === holding && before[i]?.steps === holding.steps
    if (now.length === before.length && now.every(isSame)) return
    fail('busy', `${who}: the model was trained by fit since this began; ${REMEDY}`)
  }
}
