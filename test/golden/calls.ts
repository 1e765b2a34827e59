/** Ways to call a module that goes through time. */
import { Adam, type ForwardOptions, type Module, RetrogradError, type Runtime } from '../../bindings/index.ts'
import { drawParameters } from '../support/nets.ts'
import type { Findings } from './findings.ts'
import type { Program } from './program.ts'
import { Run, type Sizes, drawLike } from './run.ts'

export type Make = (rt: Runtime) => Module
type Call = (run: Run, found: Findings, make: Make) => void

/** Forward and backward once, from a drawn state. */
const once =
  (optionsFor: (run: Run, make: Make) => ForwardOptions = () => ({})): Call =>
  (run, _, make) =>
    run.backward('once', run.forward('once', run.input(), { state: run.state(), ...optionsFor(run, make) }))

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
  'weights written and loaded'(run) {
    const x = run.input()
    const before = run.net.stateDict()
    run.forward('before', x)
    drawParameters(run.net, 8)
    run.forward('written', x)
    const kept = run.net.parameters().map(({ value }) => value.data)
    run.forward('read', x)
    for (const data of kept) data.set(data.map((value) => value / 2))
    run.net.touch()
    run.backward('touched', run.forward('touched', x))
    run.net.loadStateDict(before)
    run.backward('loaded', run.forward('loaded', x))
  },
}

/** About as few bytes of tape as will do; looked for with a module of its own, since every call moves a module's draws. */
function fewBytes(run: Run, make: Make): number {
  const net = make(run.rt)
  const x = run.input()
  const fits = (bytes: number): boolean => {
    try {
      net.forward(x, { tape: true, checkpoint: { bytes } })
      return true
    } catch (error) {
      if (error instanceof RetrogradError && error.code === 'memory') return false
      throw error
    }
  }
  let bytes = 2 ** 22
  while (bytes > 2 ** 14 && fits(bytes / 2)) bytes /= 2
  net.dispose()
  return bytes
}

/** Ways that keep less than the whole tape, or go over steps again. */
const CHECKPOINTED: Readonly<Record<string, Call>> = {
  "checkpoint 'sqrt'": once(() => ({ checkpoint: 'sqrt' })),
  'checkpoint of 3 segments, lengths': once(({ lengths }) => ({ checkpoint: 3, lengths })),
  'checkpoint in bytes': once((run, make) => ({ checkpoint: { bytes: fewBytes(run, make) } })),
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
  run: (rt, found) => call(new Run(make(rt), found, sizes), found, make),
})
