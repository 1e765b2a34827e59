/** One sample on its way to a fixed point: what it waits for, what it has found, and the memory of its method. */
import { Real } from "real";
import { at, wholeVectors } from "../simd";
import { Solve } from "./solve";
import { addMultiple, copyVector } from "./vectors";

/** What a sample waits for: F at its POINT, or the Jacobian times its VECTOR. Both arrive in VALUE. */
export const REQUEST_NOTHING: i32 = 0;
export const REQUEST_VALUE: i32 = 1;
export const REQUEST_PRODUCT: i32 = 2;


@unmanaged
export class Sample {
  row: i32; // of all steps · rows
  request: i32;
  outcome: i32;
  method: i32; // the one that runs now
  phase: i32; // of the method
  iterations: i32;
  evaluations: i32;
  bestAt: i32;
  held: i32; // vectors in the method's memory
  tries: i32; // of a line search
  slot: i32; // of a ring of vectors, the next to be overwritten
  markedAt: i32; // the iteration at which `mark` was taken
  until: i32; // … at which the cascade goes on to its next method
  again: i32; // 1 where the cascade has begun anew from the start
  residual: f64; // of the best iterate, in the units of the stopping rule
  last: f64; // of the last one
  norm: f64; // ‖F(z) - z‖ of the last one
  first: f64; // … of the first
  mark: f64; // the residual against which stagnation is judged
  length: f64; // of a line search's step
  base: f64; // ‖F(z) - z‖ where a line search began
  a: f64; // a method's own numbers
  b: f64;
  scale: f64; // of an affine map's constant, so that what is very small or large is solved as what is about 1
}

/** Bytes of a Sample's own fields. */
export const HEADER_BYTES: i32 = 144;

// vectors that every method has
export const POINT: i32 = 0; // z
export const VALUE: i32 = 1; // what arrived
export const BEST: i32 = 2;
export const VECTOR: i32 = 3; // a direction whose product is asked for
export const OWN: i32 = 4; // the first of a method's own

/** Elements of a vector of a sample, padding included. The padding is 0. */
// @ts-ignore: decorator
@inline
export function vectorElements(columns: i32): i32 {
  return wholeVectors(columns);
}

/** Number `index` of a method's float64 memory. */
// @ts-ignore: decorator
@inline
export function scalar(sample: Sample, index: i32): usize {
  return at<f64>(changetype<usize>(sample) + HEADER_BYTES, index);
}

/** Vector `index` of a sample, behind its `scalars` numbers: they fill the record from its end. */
// @ts-ignore: decorator
@inline
export function vector(solve: Solve, sample: Sample, index: i32): usize {
  const end = changetype<usize>(sample) + <usize>solve.sampleBytes;
  return end - at(0, (index + 1) * vectorElements(solve.columns));
}

/**
 * Fields and common vectors become 0. A method writes its own memory before it reads it, so that only padding must be cleared there: a product
 * with what is not finite may have left it other than 0.
 */
export function clearSample(solve: Solve, sample: Sample): void {
  const start = changetype<usize>(sample);
  const isPadded = vectorElements(solve.columns) != solve.columns;
  if (isPadded) return memory.fill(start, 0, solve.sampleBytes);
  memory.fill(start, 0, HEADER_BYTES);
  memory.fill(vector(solve, sample, OWN - 1), 0, at(0, OWN * solve.columns));
}

/** Asks for the product with the vector `source`; the method is in `phase` then. */
export function askForProduct(solve: Solve, sample: Sample, source: i32, phase: i32): void {
  const n = vectorElements(solve.columns);
  copyVector(n, vector(solve, sample, source), vector(solve, sample, VECTOR));
  sample.phase = phase;
  sample.request = REQUEST_PRODUCT;
}

/** Half of a line search's step: the next trial lies between its base and the last one. */
export function halveStep(solve: Solve, sample: Sample, base: i32, direction: i32): void {
  const n = vectorElements(solve.columns);
  const point = vector(solve, sample, POINT);
  sample.tries++;
  sample.length *= 0.5;
  copyVector(n, vector(solve, sample, base), point);
  addMultiple(n, sample.length, vector(solve, sample, direction), point);
  sample.request = REQUEST_VALUE;
}

/** Where the search of a sample starts, into one of its vectors: the start given, zeros, or the last step's fixed point. */
export function copyStart(solve: Solve, sample: Sample, target: i32): void {
  const bytes = at(0, solve.columns);
  const isFirst = sample.row < solve.rows;
  const start = isFirst ? solve.start : solve.result;
  const row = isFirst ? sample.row : sample.row - solve.rows;
  const vectorAt = vector(solve, sample, target);
  if (start) memory.copy(vectorAt, start + <usize>row * bytes, bytes);
  else memory.fill(vectorAt, 0, bytes);
}

/** Bytes of a sample with this many float64 numbers and vectors, a multiple of 16. */
export function bytesOfSample(columns: i32, scalars: i32, vectors: i32): i32 {
  const numbers = wholeVectors<f64>(scalars) * sizeof<f64>();
  return HEADER_BYTES + <i32>numbers + vectors * vectorElements(columns) * <i32>sizeof<Real>();
}

// @ts-ignore: decorator
@inline
export function sampleAt(solve: Solve, index: i32): Sample {
  return changetype<Sample>(solve.samples + <usize>(index * solve.sampleBytes));
}
