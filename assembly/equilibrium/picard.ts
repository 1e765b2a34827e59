/**
 * Plain iteration, damped: z ← z + damping (F(z) - z). Of the affine map v ↦ Jᵀv + g, from 0, it is the Neumann series: after K
 * updates Σ_{i<K} (Jᵀ)^i g; damped, it is what K damped steps from the fixed point send back (a phantom gradient).
 *
 * @see Geng et al. 2021, https://arxiv.org/abs/2111.05177 (phantom gradients)
 */
import { at } from "../simd";
import { arrive, keep, record, stop } from "./arrive";
import { POINT, REQUEST_VALUE, Sample, VALUE, vector, vectorElements } from "./sample";
import * as solves from "./solve";
import { Solve } from "./solve";
import { addMultiple, copyVector, subtract } from "./vectors";

/** A J far from normal makes a few terms grow whose series converges: a fixed number of them is refused where the last exceeds the first by this factor. */
const GROWN: f64 = 10;

export function advancePicard(solve: Solve, sample: Sample): void {
  if (!arrive(solve, sample)) return tellGrowth(sample);
  if (solve.iterates) recordIterate(solve, sample);
  update(solve, sample);
  sample.iterations++;
  sample.request = REQUEST_VALUE;
  if (solve.terms && sample.iterations == solve.terms) finish(solve, sample);
}

/** Where the updates have grown, more of them are of no use: of an affine map they are the terms of a series. */
function tellGrowth(sample: Sample): void {
  const hasGrown = sample.norm > sample.first;
  if (hasGrown && sample.outcome == solves.OUTCOME_MAX_ITERATIONS) sample.outcome = solves.OUTCOME_GROWING;
}

function update(solve: Solve, sample: Sample): void {
  const n = vectorElements(solve.columns);
  const point = vector(solve, sample, POINT);
  const value = vector(solve, sample, VALUE);
  if (solve.damping == 1) return copyVector(n, value, point);
  subtract(n, value, point, value);
  addMultiple(n, solve.damping, value, point);
}

/** The sum of the terms asked for is the result, whatever its residual, which nobody measures; terms that have grown much are told of. */
function finish(solve: Solve, sample: Sample): void {
  keep(solve, sample, sample.last);
  record(solve, sample, NaN);
  stop(sample, sample.norm > GROWN * sample.first ? solves.OUTCOME_GROWING : solves.OUTCOME_TERMS);
}

/** What unrolling backward reads: the point from which iteration `iterations` starts. */
function recordIterate(solve: Solve, sample: Sample): void {
  const index = sample.row * solve.maxIterations + sample.iterations;
  const bytes = at(0, solve.columns);
  memory.copy(solve.iterates + <usize>index * bytes, vector(solve, sample, POINT), bytes);
}
