/**
 * A cascade: plain iteration while it promises to end soon, then Anderson's, then Broyden's method, then Newton's, each where the one
 * before it stagnates. A sample goes on from its best iterate, and alone.
 */
import { advanceAnderson } from "./anderson";
import { stop } from "./arrive";
import { advanceBroyden } from "./broyden";
import { advanceNewton } from "./newton";
import { advancePicard } from "./picard";
import { BEST, POINT, REQUEST_NOTHING, REQUEST_VALUE, Sample, vector, vectorElements } from "./sample";
import * as solves from "./solve";
import { Solve } from "./solve";
import { copyVector } from "./vectors";

/** Plain iterations before its rate is judged, and how many more it may promise to need. */
const TRIAL: i32 = 4;
const PATIENCE: f64 = 8;
/** Iterations in which a method must halve the best residual. */
const WINDOW: i32 = 12;

export function advanceAuto<T>(solve: Solve, sample: Sample): void {
  const before = sample.iterations;
  if (sample.method == solves.METHOD_PICARD) advancePicard<T>(solve, sample);
  else if (sample.method == solves.METHOD_ANDERSON) advanceAnderson<T>(solve, sample);
  else if (sample.method == solves.METHOD_BROYDEN) advanceBroyden<T>(solve, sample);
  else advanceNewton<T>(solve, sample);
  // only where an iterate was taken, and the next one is proposed
  if (sample.request != REQUEST_VALUE || sample.iterations == before) return;
  if (sample.markedAt == 0 || sample.residual <= 0.5 * sample.mark) mark(sample);
  if (isStagnant(solve, sample)) change<T>(solve, sample);
}

function mark(sample: Sample): void {
  sample.mark = sample.residual;
  sample.markedAt = sample.iterations;
}

function isStagnant(solve: Solve, sample: Sample): bool {
  if (sample.method != solves.METHOD_PICARD) return sample.iterations - sample.markedAt >= WINDOW;
  // sample.a: the residual one iteration before
  const rate = sample.last / sample.a;
  sample.a = sample.last;
  if (sample.iterations < TRIAL) return false;
  return !(rate < 1) || NativeMath.log(solve.tolerance / sample.last) / NativeMath.log(rate) > PATIENCE;
}

/** The next method, with an empty memory, from the best iterate. */
function change<T>(solve: Solve, sample: Sample): void {
  if (sample.method == solves.METHOD_NEWTON) {
    // the step proposed is not taken
    sample.iterations--;
    stop(sample, solves.OUTCOME_STAGNATED);
    return;
  }
  sample.method++;
  sample.phase = 0;
  sample.held = 0;
  sample.slot = 0;
  mark(sample);
  // a proposal that follows from the best iterate is as good a start as that iterate
  if (sample.last == sample.residual) return;
  copyVector<T>(vectorElements<T>(solve.columns), vector<T>(solve, sample, BEST), vector<T>(solve, sample, POINT));
}
