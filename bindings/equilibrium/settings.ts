/** Options of solvers and adjoints, checked, with their defaults. */
import { describeValue, expectNumber, expectOneOf, expectOptions, expectPositive, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { METHOD, MODE } from './format.ts'

/** What a residual is measured against: ‖F(z) - z‖ <= tol · ‖F(z)‖, <= tol, or <= tol · (1 + ‖F(z)‖). */
export type ResidualMode = 'relative' | 'absolute' | 'mixed'
/** What happens where samples fail: an error, a warning on the console, or nothing but what `info` says. */
export type OnFailure = 'throw' | 'warn' | 'accept'

/** What all take, so that one may be put in another's place; a fixed number of terms needs no tolerance, a dense solve no iterations. */
interface Stopping {
  /** Greatest residual of the undamped map; 1e-5 in float32, 1e-10 in float64 if left out. */
  tol?: number
  /** 100 if left out. */
  maxIter?: number
  /** 'mixed' for a solver if left out; 'relative' for an adjoint, so that a small gradient is solved for as a large one is. */
  mode?: ResidualMode
  /** The module's own if left out. */
  onFailure?: OnFailure
}

interface AndersonOptions {
  /** Steps remembered; 8 if left out. */
  m?: number
  /** Share of the residual that is added, of (0, 2]; 1 if left out. */
  beta?: number
  /** Added to the Gram matrix's diagonal, as a share of its mean; 1e-4 if left out: less costs twice the iterations where steps are nearly parallel. */
  regularisation?: number
}

interface BroydenOptions {
  /** Pairs of vectors remembered; 50 if left out. */
  memory?: number
}

interface KrylovOptions {
  /** Vectors of a Krylov space; 50 if left out. */
  restart?: number
}

export type SolverOptions =
  | ({ name: 'picard'; damping?: number } & Stopping)
  | ({ name: 'anderson' } & AndersonOptions & Stopping)
  | ({ name: 'broyden' } & BroydenOptions & Stopping)
  | ({ name: 'newton' } & KrylovOptions & Stopping)
  | ({ name: 'auto' } & BroydenOptions & KrylovOptions & Stopping)

export type AdjointOptions =
  | ({ name: 'neumann'; terms?: number } & Stopping)
  | ({ name: 'gmres' } & KrylovOptions & Stopping)
  | ({ name: 'bicgstab' | 'lu' } & Stopping)
  | ({ name: 'anderson' } & AndersonOptions & Stopping)
  | ({ name: 'broyden' } & BroydenOptions & Stopping)
  | ({ name: 'phantom'; terms?: number; damping?: number } & Stopping)
  | ({ name: 'jfb' | 'unrolled' } & Stopping)

export type SolverName = SolverOptions['name']
export type AdjointName = AdjointOptions['name']

/** What the core is told. */
export interface SolverSettings {
  readonly name: SolverName | AdjointName
  readonly method: number
  readonly mode: number
  readonly tolerance: number
  readonly maxIterations: number
  /** A fixed number of updates; 0: to the tolerance. */
  readonly terms: number
  readonly damping: number
  readonly regularisation: number
  readonly history: number
  readonly pairs: number
  readonly krylov: number
  readonly onFailure: OnFailure
}

/** Unknowns that a dense solve takes at most: the core's LU_COLUMNS. */
export const LU_COLUMNS = 256

/** Vectors that a method may remember of each sample. */
const MOST_VECTORS = 1024

const STOPPING = ['tol', 'maxIter', 'mode', 'onFailure']
const ANDERSON = ['m', 'beta', 'regularisation']

/** The options of each solver beside its name. */
const SOLVERS: Readonly<Record<SolverName, readonly string[]>> = {
  picard: ['damping', ...STOPPING],
  anderson: [...ANDERSON, ...STOPPING],
  broyden: ['memory', ...STOPPING],
  newton: ['restart', ...STOPPING],
  auto: ['memory', 'restart', ...STOPPING],
}

const ADJOINTS: Readonly<Record<AdjointName, readonly string[]>> = {
  neumann: ['terms', ...STOPPING],
  gmres: ['restart', ...STOPPING],
  bicgstab: STOPPING,
  lu: STOPPING,
  anderson: [...ANDERSON, ...STOPPING],
  broyden: ['memory', ...STOPPING],
  phantom: ['terms', 'damping', ...STOPPING],
  jfb: STOPPING,
  unrolled: STOPPING,
}

/** The methods by which adjoints are found; those that sum a fixed number of terms are plain iteration. */
const ADJOINT_METHODS: Readonly<Record<AdjointName, number>> = {
  neumann: METHOD.PICARD,
  gmres: METHOD.GMRES,
  bicgstab: METHOD.BICGSTAB,
  lu: METHOD.LU,
  anderson: METHOD.ANDERSON,
  broyden: METHOD.BROYDEN,
  phantom: METHOD.PICARD,
  jfb: METHOD.PICARD,
  unrolled: METHOD.PICARD,
}

const PHANTOM = { terms: 5, damping: 0.5 }

type AnyOptions = Readonly<Record<string, unknown>> & { readonly name: string }

export function solverSettings(who: string, runtime: Runtime, options: unknown, onFailure: OnFailure): SolverSettings {
  const given = expectNamed(`${who}: solver`, options, SOLVERS)
  const method = METHOD[given.name.toUpperCase() as keyof typeof METHOD]
  return settings(`${who}: solver`, runtime, given, { method, terms: 0, damping: 1, mode: 'mixed' }, onFailure)
}

export function adjointSettings(who: string, runtime: Runtime, options: unknown, onFailure: OnFailure): SolverSettings {
  const label = `${who}: adjoint`
  const given = expectNamed(label, options, ADJOINTS)
  const own = given.name === 'phantom' ? PHANTOM : { terms: given.name === 'jfb' ? 1 : 0, damping: 1 }
  const terms = given['terms'] === undefined ? own.terms : expectPositive(label, 'terms', given['terms'])
  const method = ADJOINT_METHODS[given.name as AdjointName]
  return settings(label, runtime, given, { ...own, method, terms, mode: 'relative' }, onFailure)
}

export function expectOnFailure(who: string, value: unknown): OnFailure {
  return expectOneOf<OnFailure>(who, 'onFailure', value, ['throw', 'warn', 'accept'])
}

/** A name, or options with one. */
function expectNamed(who: string, options: unknown, known: Readonly<Record<string, readonly string[]>>): AnyOptions {
  const given = (typeof options === 'string' ? { name: options } : options) as AnyOptions
  if (given === null || typeof given !== 'object')
    fail('type', `${who} is ${describeValue(options)}; expected { name, … }`)
  const name = expectOneOf(who, 'name', given.name, Object.keys(known))
  expectOptions(`${who} '${name}'`, given, ['name', ...known[name]!])
  return given
}

interface Own {
  readonly method: number
  readonly terms: number
  readonly damping: number
  readonly mode: ResidualMode
}

function settings(who: string, runtime: Runtime, given: AnyOptions, own: Own, onFailure: OnFailure): SolverSettings {
  const isDouble = runtime.dtype === 'float64'
  const whole = (name: string, usual: number) => expectPositive(who, name, given[name] ?? usual)
  const few = (name: string, usual: number) => {
    const value = whole(name, usual)
    return value <= MOST_VECTORS
      ? value
      : fail('option', `${who}: ${name} is ${value}; expected at most ${MOST_VECTORS}`)
  }
  const share = (name: string) => {
    const value = expectNumber(who, name, given[name] ?? own.damping)
    return value > 0 && value <= 2 ? value : fail('option', `${who}: ${name} is ${value}; expected a number of (0, 2]`)
  }
  const tolerance = expectNumber(who, 'tol', given['tol'] ?? (isDouble ? 1e-10 : 1e-5))
  if (tolerance <= 0) fail('option', `${who}: tol is ${tolerance}; expected a number > 0`)
  const maxIter = whole('maxIter', 100)
  const mode = expectOneOf<ResidualMode>(who, 'mode', given['mode'] ?? own.mode, ['relative', 'absolute', 'mixed'])
  return {
    name: given.name as SolverName | AdjointName,
    method: own.method,
    mode: MODE[mode.toUpperCase() as keyof typeof MODE],
    tolerance,
    maxIterations: own.terms || maxIter,
    terms: own.terms,
    damping: share(given.name === 'anderson' ? 'beta' : 'damping'),
    regularisation: expectNumber(who, 'regularisation', given['regularisation'] ?? 1e-4, 0, 1),
    history: few('m', 8),
    pairs: few('memory', 50),
    krylov: few('restart', 50),
    onFailure: expectOnFailure(who, given['onFailure'] ?? onFailure),
  }
}

/** What is of use for n unknowns: a Krylov space has no more vectors than they are, and no method remembers more steps than it makes. */
export function settingsFor(settings: SolverSettings, columns: number): SolverSettings {
  const { history, pairs, krylov, maxIterations } = settings
  return {
    ...settings,
    history: Math.min(history, maxIterations),
    pairs: Math.min(pairs, maxIterations),
    krylov: Math.min(krylov, columns),
  }
}
