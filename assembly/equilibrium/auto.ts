/**
 * A cascade: plain iteration while it promises to end soon, then Broyden's and Newton's methods in turn, each until it stagnates, and where a
 * round of both brings nothing Newton's from the start. A sample goes on from its best iterate, and alone. Anderson's method has no turn:
 * bench:deq finds no problem where that would save anything.
 */
import { advanceBroyden } from "./broyden";
import { advanceNewton } from "./newton";
import { advancePicard } from "./picard";
import { BEST, POINT, REQUEST_VALUE, Sample, copyStart, vector, vectorElements } from "./sample";
import * as solves from "./solve";
import { Solve } from "./solve";
import { copyVector } from "./vectors";

/** Plain iterations before its rate is judged, and how many more it may promise to need. */
const TRIAL: i32 = 4;
const PATIENCE: f64 = 8;

// Iterations in which a method must halve the best residual. Broyden's has long plateaus, and falls at their end.
const BROYDEN_WINDOW: i32 = 30;
const NEWTON_WINDOW: i32 = 4;
/** A round of both that leaves more than this share of the residual is the last. */
const SMALLEST_FALL: f64 = 0.9;

export function advanceAuto(solve: Solve, sample: Sample): void {
  const before = sample.iterations;
  advanceMethod(solve, sample);
  if (sample.outcome == solves.OUTCOME_NON_FINITE && sample.method != solves.METHOD_NEWTON)
    return recover(solve, sample);
  // only where an iterate was taken, and the next one is proposed
  if (sample.request != REQUEST_VALUE || sample.iterations == before) return;
  if (sample.markedAt == 0 || sample.residual <= 0.5 * sample.mark) mark(sample);
  if (!sample.again && isStagnant(solve, sample)) change(solve, sample);
}

function advanceMethod(solve: Solve, sample: Sample): void {
  if (sample.method == solves.METHOD_PICARD) advancePicard(solve, sample);
  else if (sample.method == solves.METHOD_BROYDEN) advanceBroyden(solve, sample);
  else advanceNewton(solve, sample);
}

function mark(sample: Sample): void {
  sample.mark = sample.residual;
  sample.markedAt = sample.iterations;
}

function isStagnant(solve: Solve, sample: Sample): bool {
  if (sample.method == solves.METHOD_PICARD) return isSlow(solve, sample);
  const since = sample.iterations - sample.markedAt;
  if (sample.method == solves.METHOD_NEWTON) return since >= NEWTON_WINDOW;
  return since >= BROYDEN_WINDOW || sample.iterations >= sample.until;
}

/** Does plain iteration, by its last rate, promise to take long? */
function isSlow(solve: Solve, sample: Sample): bool {
  // sample.a: the residual one iteration before
  const rate = sample.last / sample.a;
  sample.a = sample.last;
  if (sample.iterations < TRIAL) return false;
  return !(rate < 1) || NativeMath.log(solve.tolerance / sample.last) / NativeMath.log(rate) > PATIENCE;
}

/** The next method, with an empty memory, from the best iterate. */
function change(solve: Solve, sample: Sample): void {
  // sample.b: the residual where this round of Broyden's and Newton's methods began
  if (sample.method == solves.METHOD_NEWTON && sample.residual > SMALLEST_FALL * sample.b)
    return beginAgain(solve, sample);
  if (sample.method == solves.METHOD_BROYDEN) sample.method = solves.METHOD_NEWTON;
  else beginRound(solve, sample);
  sample.phase = 0;
  sample.held = 0;
  mark(sample);
  // a proposal that follows from the best iterate is as good a start as that iterate
  if (sample.last == sample.residual) return;
  copyVector(vectorElements(solve.columns), vector(solve, sample, BEST), vector(solve, sample, POINT));
}

/** Where both stay, Newton's method has what iterations are left, from the start: it wanders, but seldom stays away for ever. */
function beginAgain(solve: Solve, sample: Sample): void {
  sample.again = 1;
  sample.phase = 0;
  sample.held = 0;
  copyStart(solve, sample, POINT);
}

/** Broyden's method, which leaves Newton's half of the iterations that there are left. */
function beginRound(solve: Solve, sample: Sample): void {
  sample.method = solves.METHOD_BROYDEN;
  sample.b = sample.residual;
  sample.until = (sample.iterations + solve.maxIterations) / 2;
}

/** What a method ran away to is no end: the next one begins at the best iterate. */
function recover(solve: Solve, sample: Sample): void {
  if (!(sample.residual < Infinity)) return;
  sample.outcome = solves.OUTCOME_RUNNING;
  sample.request = REQUEST_VALUE;
  sample.last = Infinity;
  change(solve, sample);
}
