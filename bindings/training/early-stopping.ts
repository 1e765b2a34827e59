/** When a run has waited long enough for a smaller validation loss, and which weights it goes back to. */
import type { Module } from '../module/module.ts'
import { type StateDict, expectStateDict } from '../module/parameters.ts'
import { describeValue, expectOptions, fail } from '../runtime/check.ts'

/** What early stopping knows after an epoch. */
export interface StoppingState {
  /** Epochs since the best one; since the first where none had a finite loss. */
  readonly waited: number
  /** The epoch (from 0) with the smallest validation loss so far, and the weights after it. */
  readonly best?: { readonly epoch: number; readonly loss: number; readonly weights: StateDict }
}

export class EarlyStopping {
  readonly #patience: number
  #state: StoppingState

  constructor(patience: number, state: StoppingState = { waited: 0 }) {
    this.#patience = patience
    this.#state = state
  }

  get state(): StoppingState {
    return this.#state
  }

  get isOver(): boolean {
    return this.#state.waited >= this.#patience
  }

  /** Takes note of an epoch's validation loss; one that is not finite is no improvement. */
  judge(epoch: number, loss: number, model: Module): void {
    const { waited, best } = this.#state
    if (Number.isFinite(loss) && (best === undefined || loss < best.loss))
      this.#state = { waited: 0, best: { epoch, loss, weights: model.stateDict() } }
    else this.#state = { ...this.#state, waited: waited + 1 }
  }

  restoreBest(model: Module): void {
    if (this.#state.best) model.loadStateDict(this.#state.best.weights)
  }
}

/** Refuses a state that is not of this model. */
export function checkStopping(who: string, state: StoppingState, model: Module): void {
  expectOptions(who, state, ['waited', 'best'])
  if (!(Number.isSafeInteger(state.waited) && state.waited >= 0))
    fail('option', `${who}.waited is ${describeValue(state.waited)}; expected a whole number >= 0`)
  if (state.best === undefined) return
  expectOptions(`${who}.best`, state.best, ['epoch', 'loss', 'weights'])
  const { epoch, loss, weights } = state.best
  if (!(Number.isSafeInteger(epoch) && epoch >= 0) || !Number.isFinite(loss))
    fail('option', `${who}.best has epoch ${describeValue(epoch)} and loss ${describeValue(loss)}; expected numbers`)
  expectStateDict(`${who}.best.weights`, model.parameters(), weights)
}
