import type { ParameterBlock } from '../../module/parameters.ts'
import { describeValue, fail } from '../../runtime/check.ts'
import type { Core } from '../../runtime/core.ts'
import { type Trained, blocksOf } from './trained.ts'

/** Keeps the clipping coefficient finite at norm 0, as torch.nn.utils.clip_grad_norm_ does. */
const CLIP_EPSILON = 1e-6

/**
 * Scales all gradients by min(1, maxNorm / (norm + 1e-6)), `norm` being their common Euclidean norm, right
 * wherever its square lies.
 *
 * @returns the norm before clipping
 */
export function clipGradNorm(module: Trained, maxNorm: number): number {
  const blocks = blocksOf('clipGradNorm', module)
  expectBound('clipGradNorm', 'maxNorm', maxNorm)
  if (blocks.length === 0) return 0
  const { core } = blocks[0]!.runtime
  const norm = normOf(blocks, core)
  const coefficient = maxNorm / (norm + CLIP_EPSILON)
  // NaN: the gradients become NaN as PyTorch's do, rather than pass unclipped
  if (!(coefficient >= 1)) for (const block of blocks) core.scaleBlock(block.elements, coefficient, block.grads.address)
  return norm
}

/** Squares that sum to less may have lost parts to underflow: 2^-1074 each. */
const LEAST_SUM = 2 ** -900

function normOf(blocks: readonly ParameterBlock[], core: Core): number {
  const sum = blocks.reduce((total, { elements, grads }) => total + core.sumSquares(elements, grads.address), 0)
  if (Number.isNaN(sum) || (sum > LEAST_SUM && sum < Infinity)) return core.squareRoot(sum)
  const greatest = blocks.reduce(
    (most, block) => Math.max(most, core.greatestOf(block.elements, block.grads.address)),
    0,
  )
  if (greatest === 0 || greatest === Infinity) return greatest
  const scaled = blocks.reduce(
    (total, { elements, grads }) => total + core.sumScaledSquares(elements, greatest, grads.address),
    0,
  )
  return greatest * core.squareRoot(scaled)
}

/** Limits each element of the gradients to [-bound, bound]. */
export function clipGradValue(module: Trained, bound: number): void {
  const blocks = blocksOf('clipGradValue', module)
  expectBound('clipGradValue', 'bound', bound)
  for (const block of blocks) block.runtime.core.clampBlock(block.elements, bound, block.grads.address)
}

function expectBound(who: string, name: string, value: number): void {
  if (!(typeof value === 'number' && value > 0))
    fail('option', `${who}: ${name} is ${describeValue(value)}; expected a number > 0`)
}
