/** Ways to call a module that goes through time. */
import { Adam, type ForwardOptions, type Runtime } from '../../bindings/index.ts'
import type { Findings } from './findings.ts'
import type { Program } from './program.ts'
import { Run, type Sizes, drawLike } from './run.ts'
import type { Module } from '../../bindings/index.ts'

export type Make = (rt: Runtime) => Module
type Call = (run: Run, found: Findings) => void

/** Forward and backward once, from a drawn state. */
const once =
  (optionsFor: (run: Run) => ForwardOptions = () => ({})): Call =>
  (run) =>
    run.backward('once', run.forward('once', run.input(), { state: run.state(), ...optionsFor(run) }))

const OF_STATES = 'from zeros, by the last state alone'

/** Ways that every module knows. */
const CALLS: Readonly<Record<string, Call>> = {
  plain: once(),
  lengths: once(({ lengths }) => ({ lengths })),
  [OF_STATES](run) {
    const { state } = run.forward('zeros', run.input())
    run.took('zeros backward', run.net.backward({ state: drawLike(run.rt, 'dState', state) }))
  },
  'frozen in part, no gradient by the input'(run) {
    run.net.freeze(run.net.parameters().flatMap(({ name }, i) => (i % 2 === 0 ? [name] : [])))
    run.backward('once', run.forward('once', run.input(), { state: run.state() }), { inputGradient: false })
  },
  'tapes kept'(run) {
    const results = ['a', 'b'].map((name) => run.forward(name, run.input(name), { keep: true, state: run.state(name) }))
    for (const [i, result] of results.entries()) run.backward(`tape ${i}`, result)
    for (const { tape } of results) tape!.dispose()
    run.backward('later', run.forward('later', run.input('c', 2)))
  },
  'in evaluation, cut in two'(run) {
    run.net.eval()
    const { state } = run.forward('first', run.input('first', 2), { state: run.state() })
    run.forward('second', run.input('second'), { state })
  },
  'three updates'(run, found) {
    const optimizer = new Adam(run.net, { lr: 0.05 })
    for (let i = 0; i < 3; i++) {
      run.net.zeroGrad()
      run.backward(`${i}`, run.forward(`${i}`, run.input(`${i}`)))
      optimizer.step()
    }
    found.take('weights', run.net.stateDict())
  },
}

/** Bytes of tape that the small nets of these programs fit into with some of their segments. */
const BYTES = 400_000

/** Ways that keep less than the whole tape, or go over steps again. */
const CHECKPOINTED: Readonly<Record<string, Call>> = {
  "checkpoint 'sqrt'": once(() => ({ checkpoint: 'sqrt' })),
  'checkpoint of 3 segments, lengths': once(({ lengths }) => ({ checkpoint: 3, lengths })),
  'checkpoint in bytes': once(() => ({ checkpoint: { bytes: BYTES } })),
}

/** Ways of a module that knows no future. */
const CAUSAL: Readonly<Record<string, Call>> = {
  'truncated, stride = window': once(() => ({ truncation: { window: 7 } })),
  'truncated, stride < window': once(() => ({ truncation: { window: 11, stride: 4 } })),
  'truncated, lengths': once(({ lengths }) => ({ truncation: { window: 9, stride: 5 }, lengths })),
  'step by step'(run) {
    const state = run.state()
    for (let t = 0; t < 6; t++) run.step(`${t}`, run.row(`${t}`), state)
  },
}

export interface CallsOptions {
  readonly sizes: Sizes
  /** It is bidirectional. */
  readonly bothWays?: boolean
}

/** A module called in all the ways that it knows. */
export function everyCall(subject: string, make: Make, { sizes, bothWays = false }: CallsOptions): Program[] {
  const calls = { ...CALLS, ...CHECKPOINTED, ...(bothWays ? {} : CAUSAL) }
  return Object.entries(calls).map(([name, call]) => calling(`${subject}: ${name}`, make, sizes, call))
}

/** … in the two that use all of it. */
export function fewCalls(subject: string, make: Make, sizes: Sizes): Program[] {
  return ['plain', 'lengths'].map((name) => calling(`${subject}: ${name}`, make, sizes, CALLS[name]!))
}

/** A module without state in the ways that it knows. */
export function statelessCalls(subject: string, make: Make, sizes: Sizes): Program[] {
  const { [OF_STATES]: _, ...calls } = CALLS
  return Object.entries(calls).map(([name, call]) => calling(`${subject}: ${name}`, make, sizes, call))
}

const calling = (name: string, make: Make, sizes: Sizes, call: Call): Program => ({
  name,
  run: (rt, found) => call(new Run(make(rt), found, sizes), found),
})
