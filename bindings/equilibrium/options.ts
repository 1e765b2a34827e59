/** What a DEQ is made from: options of its own, or a cell. */
import { ACTIVATIONS, type ActivationName } from '../cells/activations.ts'
import { equilibriumCell } from '../cells/equilibrium.ts'
import { type CellSpec, type ChosenCell, expectCell } from '../module/cell.ts'
import { fillIn } from '../module/remember.ts'
import { sizeCell } from '../program/trace.ts'
import { expectBoolean, expectNumber, expectOneOf, expectOptions, expectPositive, fail } from '../runtime/check.ts'
import type { AdjointName, AdjointOptions, OnFailure, SolverName, SolverOptions } from './settings.ts'

interface CommonOptions {
  /** How the fixed point is found: a name, or { name, … }; 'auto' if left out. */
  solver?: SolverName | SolverOptions
  /** How backward solves (I - Jᵀ) v = g: a name, or { name, … }; 'gmres' if left out. */
  adjoint?: AdjointName | AdjointOptions
  /** Where samples fail to converge: 'throw' if left out. Solver and adjoint may each have their own. */
  onFailure?: OnFailure
  /** In training, weight · mean ‖J‖² / n is part of the loss that backward differentiates, estimated with `samples` random vectors (1 if left out). */
  jacobianPenalty?: { weight: number; samples?: number }
}

export interface EquilibriumOptions extends CommonOptions {
  /** Columns of the input. */
  inputSize: number
  /** Columns of z. */
  hiddenSize: number
  /** 'tanh' if left out. */
  nonlinearity?: ActivationName
  /** true if left out. */
  bias?: boolean
  /** W is scaled down where its spectral norm would exceed this: below 1, a contraction is guaranteed for a nonlinearity of slope <= 1. */
  spectralNorm?: number
}

export type CellOptions = CommonOptions & CellSpec

export type DEQOptions = EquilibriumOptions | CellOptions

const COMMON = ['solver', 'adjoint', 'onFailure', 'jacobianPenalty']
const DEFAULTS = {
  solver: 'auto' as SolverName | SolverOptions,
  adjoint: 'gmres' as AdjointName | AdjointOptions,
  onFailure: 'throw' as OnFailure,
}

/** With nothing left out that has a default. */
export type FilledOptions = DEQOptions & typeof DEFAULTS

/** The step that is sought for its fixed point, and its parameters. */
export interface Choice extends ChosenCell {
  readonly filled: FilledOptions
  nameOf(param: string): string
}

export function choose(options: DEQOptions): Choice {
  const choice = Object.hasOwn(Object(options), 'cell')
    ? fromCell(options as CellOptions)
    : fromOptions(options as EquilibriumOptions)
  if (choice.sized.inputs.size === 0)
    fail('cell', 'DEQ: the cell has no input; expected one, whose rows are the samples')
  return choice
}

function fromOptions(options: EquilibriumOptions): Choice {
  expectOptions('DEQ', options, ['inputSize', 'hiddenSize', 'nonlinearity', 'bias', 'spectralNorm', ...COMMON])
  const filled = fillIn(options, { nonlinearity: 'tanh', bias: true, ...DEFAULTS })
  const names = Object.keys(ACTIVATIONS) as ActivationName[]
  const nonlinearity = expectOneOf('DEQ', 'nonlinearity', filled.nonlinearity, names)
  const bias = expectBoolean('DEQ', 'bias', filled.bias)
  const I = expectPositive('DEQ', 'inputSize', options.inputSize)
  const H = expectPositive('DEQ', 'hiddenSize', options.hiddenSize)
  const { spectralNorm } = options
  if (spectralNorm !== undefined && !(expectNumber('DEQ', 'spectralNorm', spectralNorm) > 0))
    fail('option', `DEQ: spectralNorm is ${spectralNorm}; expected a number > 0`)
  return {
    filled,
    sized: sizeCell(equilibriumCell({ nonlinearity, bias, spectralNorm }), { I, H }),
    starts: (_param, _shape, { core }) => 1 / core.squareRoot(H),
    nameOf: (param) => param.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`),
  }
}

function fromCell(options: CellOptions): Choice {
  expectOptions('DEQ', options, ['cell', 'sizes', 'init', ...COMMON])
  const { sized, starts } = expectCell('DEQ', options)
  return { filled: fillIn(options, DEFAULTS), sized, starts, nameOf: (param) => param }
}
