/**
 * Truncated backpropagation through long series, a block of steps at a time: TBPTT(k1, k2). The state is carried from block to block;
 * a window longer than its block is run again from the state kept at its start, with the weights as they are by then.
 *
 * @see Williams and Peng 1990, https://doi.org/10.1162/neco.1990.2.4.490
 */
import type { Module } from '../module/module.ts'
import type { State } from '../module/state.ts'
import { type Truncation, expectTruncation } from '../module/truncation.ts'
import { fail, shapeText } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { callCounts } from './call-counts.ts'
import type { SampleAxis } from './data/axes.ts'
import type { Batch } from './data/batch.ts'
import type { Span } from './data/steps.ts'
import { Ends } from './ends.ts'
import { type Comparison, forwardWith } from './model.ts'
import type { Passage, Portion } from './portions.ts'
import { StateQueue } from './state-queue.ts'

/** Refuses a truncation that is none, or a model that cannot be run on a few steps at a time. */
export function checkTruncation(who: string, model: Module, truncation: Truncation): Required<Truncation> {
  const { window, stride = window } = expectTruncation(who, truncation)
  const given = `${who}: truncation is given`
  if (model.dropsTime)
    fail('unsupported', `${given}; the model drops time (LastStep), so that its steps have no outputs`)
  if (!model.isCausal) fail('unsupported', `${given}; a bidirectional module needs what comes after a block as well`)
  return { window, stride }
}

/** A block of losses, and the window of steps that their gradients reach. */
interface Block {
  readonly index: number
  readonly losses: Span
  readonly window: Span
  /** The step in this block before which a later window starts. */
  readonly kept: number | undefined
}

export class Blocks implements Passage {
  readonly #who: string
  readonly #model: Module
  readonly #truncation: Required<Truncation>
  readonly #states = new StateQueue()
  readonly #ends: Ends

  constructor(who: string, model: Module, truncation: Required<Truncation>) {
    this.#who = who
    this.#model = model
    this.#truncation = truncation
    this.#ends = new Ends(model, truncation.window === truncation.stride)
  }

  /** Blocks that lie behind every sample's end are left out. */
  *portions(batch: Batch): Generator<Portion> {
    const steps = Math.max(1, batch.lengths ? batch.lengths.reduce((a, b) => Math.max(a, b), 0) : batch.steps!)
    const { stride } = this.#truncation
    const count = Math.ceil(steps / stride)
    this.#states.clear()
    for (let index = 0; index < count; index++) {
      const block = this.#block(index, count, batch.steps!)
      const { from, to } = block.losses
      const start = block.window.from > 0 ? this.#states.take() : batch.state
      try {
        yield {
          index,
          count,
          place: `, steps ${from + 1} to ${to}`,
          forward: () => this.#forward(batch, block, start),
          backward: (gradient) => this.#backward(gradient, block, batch.axis),
        }
      } finally {
        // also where the series is left in the middle
        if (block.window.from > 0) this.#states.release(start)
      }
    }
  }

  dispose(): void {
    this.#states.dispose()
    this.#ends.dispose()
  }

  #block(index: number, count: number, steps: number): Block {
    const { window, stride } = this.#truncation
    const end = (index + 1) * stride // beyond the last step perhaps
    const isNeeded = index + Math.floor(window / stride) < count
    return {
      index,
      losses: { from: end - stride, to: Math.min(end, steps) },
      window: { from: Math.max(0, end - window), to: Math.min(end, steps) },
      kept: isNeeded ? end - (window % stride) : undefined,
    }
  }

  #forward(batch: Batch, { losses, window, kept }: Block, start: State | undefined): Comparison {
    if (kept !== undefined && kept < window.to) this.#keepInside(batch, { from: window.from, to: kept }, start)
    const { input, lengths } = batch.during(window)
    const { output, state } = forwardWith(this.#model, input, { lengths, state: start })
    expectSteps(this.#who, output, batch, window)
    if (kept === window.to) this.#states.push(state)
    const prediction = this.#ends.cut(output, batch.axis, losses.to - losses.from)
    return { output: prediction, answers: batch.during(losses).answersTo(prediction) }
  }

  /** The state in the middle of a window: that of the very run that follows, for it draws the same dropout. */
  #keepInside(batch: Batch, span: Span, start: State | undefined): void {
    const draws = callCounts(this.#model)
    const { input, lengths } = batch.during(span)
    this.#states.push(forwardWith(this.#model, input, { lengths, state: start, tape: false }).state)
    draws.restore()
  }

  #backward(gradient: Tensor, { window }: Block, axis: SampleAxis): void {
    const output = this.#ends.extend(gradient, axis, window.to - window.from)
    this.#model.backward({ output }, { inputGradient: false })
  }
}

function expectSteps(who: string, { shape }: Tensor, { count, axis }: Batch, { from, to }: Span): void {
  const [steps, samples] = [shape[1 - axis], shape[axis]]
  if (shape.length >= 3 && steps === to - from && samples === count) return
  const leading = axis === 1 ? [to - from, count] : [count, to - from]
  const expected = `truncation expected ${shapeText([...leading, 'F'])}`
  fail('shape', `${who}: the model's output is ${shapeText(shape)}; ${expected}`)
}
