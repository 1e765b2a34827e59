/**
 * What the bindings hand over for a batch of fixed points, as records of 32-bit words and float64 numbers.
 * bindings/equilibrium/records.ts lists the same fields in the same order, format.ts the same numbers; test/core/format.test.ts compares them.
 */

export const METHOD_PICARD: i32 = 0;
export const METHOD_ANDERSON: i32 = 1;
export const METHOD_BROYDEN: i32 = 2;
export const METHOD_NEWTON: i32 = 3;
export const METHOD_AUTO: i32 = 4;
export const METHOD_GMRES: i32 = 5;
export const METHOD_BICGSTAB: i32 = 6;
export const METHOD_LU: i32 = 7;
export const METHOD_ARNOLDI: i32 = 8;

export const MODE_RELATIVE: i32 = 0;
export const MODE_ABSOLUTE: i32 = 1;
export const MODE_MIXED: i32 = 2;

export const OUTCOME_RUNNING: i32 = 0;
export const OUTCOME_CONVERGED: i32 = 1;
export const OUTCOME_TERMS: i32 = 2; // as many updates as were asked for
export const OUTCOME_MAX_ITERATIONS: i32 = 3;
export const OUTCOME_NON_FINITE: i32 = 4;
export const OUTCOME_STAGNATED: i32 = 5;
export const OUTCOME_GROWING: i32 = 6; // plain iteration whose updates grow
export const OUTCOME_SINGULAR: i32 = 7;
export const OUTCOME_BREAKDOWN: i32 = 8;

/** `steps` times `rows` fixed points z = F(z), those of a step starting from the last step's. Arrays are dense; samples are rows. */
@unmanaged
export class Solve {
  steps: i32;
  rows: i32;
  capacity: i32; // samples that are solved side by side
  columns: i32; // n
  method: i32;
  mode: i32;
  maxIterations: i32;
  terms: i32; // a fixed number of updates, or 0: to the tolerance
  history: i32; // pairs of Anderson's memory
  pairs: i32; // of Broyden's
  krylov: i32; // vectors of a Krylov space: GMRES's restart
  value: usize; // the RowMap that gives F(z)
  product: usize; // the RowMap that gives a Jacobian times a vector, or 0
  start: usize; // Real[rows, n], or 0: zeros
  lengths: usize; // i32[rows]: steps of each sample, or 0. Past a sample's end its last fixed point is held
  constant: usize; // Real[steps, rows, n] added to every value; F(0) is this then, and known. Or 0
  result: usize; // Real[steps, rows, n]: the best iterates
  iterates: usize; // Real[steps, rows, maxIterations, n] receives Picard's iterates, or 0
  iterations: usize; // i32[steps, rows], as the next three
  evaluations: usize;
  outcomes: usize;
  best: usize; // the iteration that gave the result
  residuals: usize; // f64[steps, rows]
  traces: usize; // f64[maxIterations + 1, steps, rows]: what was written is the first part
  samples: usize; // scratch: `sampleBytes` for each of `capacity`
  sampleBytes: i32;
  list: usize; // scratch: i32[capacity]
  scratch: usize; // of LU
  longest: i32; // out: the most iterations of a sample
  failed: i32; // out: samples that did not do what was asked of them
  tolerance: f64;
  damping: f64;
  regularisation: f64;
  work: f64; // out: rows that went through a RowMap
}
