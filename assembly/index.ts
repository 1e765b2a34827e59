/** The exports of the core, the same names in every variant. */
import { Real } from "real";
import { runCall } from "./engine/unroll";
import { runSolve } from "./equilibrium/drive";
import { matrixBytes } from "./equilibrium/lu";
import { sampleBytes as bytesOfSample } from "./equilibrium/methods";
import { Solve } from "./equilibrium/solve";
import { Unrolling, runUnrolling } from "./equilibrium/unroll";
import * as linalg from "./linalg/gemm";
import * as orthogonal from "./linalg/orthogonal";
import * as packing from "./linalg/pack";
import * as systems from "./linalg/solve";
import * as tiles from "./linalg/tiles";
import * as normal from "./math/normal";
import { fillUniform as uniform, philox as philoxWords } from "./math/random";
import { CHAIN_ELEMENTS as elements, CHAIN_SCRATCH as chainScratch, CHAIN_TILES as chainTiles } from "./memory";
import * as elementwise from "./ops/elementwise";
import * as embedding from "./ops/embedding";
import { lengthMask as maskOfLengths } from "./ops/length-mask";
import * as losses from "./ops/losses";
import * as padding from "./ops/padding";
import * as metrics from "./ops/metrics";
import * as norms from "./ops/norms";
import * as optimizers from "./ops/optimizers";
import * as reduce from "./ops/reduce";
import { countShares as sharesOf } from "./ops/shares";
import { shuffle as shuffleOrder } from "./ops/shuffle";

/** Where the memory of the bindings begins. */
export const HEAP_BASE: usize = __heap_base;
export const ELEMENT_BYTES: i32 = sizeof<Real>();
export const RELAXED: i32 = ASC_FEATURE_RELAXED_SIMD ? 1 : 0;
export const CHAIN_SCRATCH: usize = chainScratch;
export const CHAIN_TILES: i32 = chainTiles;
export const CHAIN_ELEMENTS: i32 = elements;

/** Runs a planned call: see engine/format.ts. */
export function run(call: usize): void {
  runCall(call);
}

/** Finds a batch of fixed points: see equilibrium/solve.ts. */
export function solveFixedPoints(solve: usize): void {
  runSolve(changetype<Solve>(solve));
}

/** Goes backward through recorded iterations: see equilibrium/unroll.ts. */
export function unrollFixedPoints(unrolling: usize): void {
  runUnrolling(changetype<Unrolling>(unrolling));
}

/** Bytes that a method needs for each sample that it works on. */
export function sampleBytes(method: i32, columns: i32, history: i32, pairs: i32, krylov: i32): i32 {
  return bytesOfSample(method, columns, history, pairs, krylov);
}

/** Bytes of scratch of a dense solve of n unknowns. */
export function denseScratch(n: i32): i32 {
  return matrixBytes(n) + systems.solveScratch(n, 1);
}

export function copyBytes(dst: usize, src: usize, bytes: usize): void {
  memory.copy(dst, src, bytes);
}

/** Copies `rows` rows of `bytes` bytes; strides in bytes. */
export function copyRows(rows: i32, bytes: usize, src: usize, srcStride: usize, dst: usize, dstStride: usize): void {
  for (let i = 0; i < rows; i++) memory.copy(dst + <usize>i * dstStride, src + <usize>i * srcStride, bytes);
}

/** dst[o, i] = src[o, indices[i]] for rows of `bytes` bytes; src has `sourceRows` rows, `stride` bytes apart, in each of `outer` blocks. */
export function gatherRows(
  outer: i32,
  sourceRows: i32,
  rows: i32,
  bytes: usize,
  stride: usize,
  indices: usize,
  src: usize,
  dst: usize,
): void {
  for (let o = 0; o < outer; o++) {
    const block = src + <usize>o * <usize>sourceRows * stride;
    for (let i = 0; i < rows; i++) {
      memory.copy(dst, block + <usize>load<i32>(indices + ((<usize>i) << 2)) * stride, bytes);
      dst += bytes;
    }
  }
}

export function clearPadding(steps: i32, batch: i32, bytes: usize, batchFirst: bool, lengths: usize, x: usize): void {
  padding.clearPadding(steps, batch, bytes, batchFirst, lengths, x);
}

export function holdPadding(steps: i32, batch: i32, bytes: usize, lengths: usize, x: usize): void {
  padding.holdPadding(steps, batch, bytes, lengths, x);
}

export function endRows(
  steps: i32,
  batch: i32,
  bytes: usize,
  half: usize,
  stepStride: usize,
  sampleStride: usize,
  lengths: usize,
  sequence: usize,
  rows: usize,
  gather: bool,
): void {
  padding.endRows(steps, batch, bytes, half, stepStride, sampleStride, lengths, sequence, rows, gather);
}

export function zeroBytes(dst: usize, bytes: usize): void {
  memory.fill(dst, 0, bytes);
}

export function fillUniform(
  n: i32,
  low: f64,
  high: f64,
  seed0: u32,
  seed1: u32,
  stream0: u32,
  stream1: u32,
  out: usize,
): void {
  uniform(n, low, high, seed0, seed1, stream0, stream1, out);
}

export function philox(c0: u32, c1: u32, c2: u32, c3: u32, key0: u32, key1: u32, out: usize): void {
  philoxWords(c0, c1, c2, c3, key0, key1, out);
}

export function pickRows(rows: i32, columns: i32, table: usize, ids: usize, y: usize): void {
  embedding.pickRows(rows, columns, table, ids, y);
}

export function addRows(rows: i32, columns: i32, padding: i32, dY: usize, ids: usize, dTable: usize): void {
  embedding.addRows(rows, columns, padding, dY, ids, dTable);
}

export function addStepRows(steps: i32, batch: i32, columns: i32, x: usize, table: usize, y: usize): void {
  embedding.addStepRows(steps, batch, columns, x, table, y);
}

export function addStepSums(steps: i32, batch: i32, columns: i32, dY: usize, dTable: usize): void {
  embedding.addStepSums(steps, batch, columns, dY, dTable);
}

export function addInto(n: i32, a: usize, dst: usize): void {
  reduce.addInto(n, a, dst);
}

export function fillNormal(
  n: i32,
  mean: f64,
  deviation: f64,
  seed0: u32,
  seed1: u32,
  stream0: u32,
  stream1: u32,
  out: usize,
): void {
  normal.fillNormal(n, mean, deviation, seed0, seed1, stream0, stream1, out);
}

export function orthonormalise(
  count: i32,
  length: i32,
  vectorStride: i32,
  elementStride: i32,
  gain: f64,
  x: usize,
): void {
  orthogonal.orthonormalise(count, length, vectorStride, elementStride, gain, x);
}

export function orthonormaliseLogs(count: i32, length: i32, x: usize, logs: usize): void {
  orthogonal.orthonormaliseLogs(count, length, x, logs);
}

export function addStepSquares(steps: i32, elements: i32, stride: usize, x: usize, squares: usize): void {
  norms.addStepSquares(steps, elements, stride, x, squares);
}

export function addOuterProducts(
  steps: i32,
  rows: i32,
  m: i32,
  n: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  c: usize,
  cStride: usize,
  d: usize,
  dStride: usize,
  squares: usize,
): void {
  norms.addOuterProducts(steps, rows, m, n, a, aStride, b, bStride, c, cStride, d, dStride, squares);
}

export function addSharedProducts(
  steps: i32,
  rows: i32,
  m: i32,
  a: usize,
  aStride: usize,
  count: i32,
  table: usize,
): void {
  norms.addSharedProducts(steps, rows, m, a, aStride, count, table);
}

export function total(n: i32, x: usize): f64 {
  return reduce.total(n, x);
}

export function addScaled(n: i32, factor: f64, x: usize, y: usize): void {
  reduce.addScaled(n, factor, x, y);
}

export function takeRoots(n: i32, x: usize): void {
  norms.takeRoots(n, x);
}

export function dot(n: i32, x: usize, y: usize): f64 {
  return norms.dot(n, x, y);
}

export function countShares(
  steps: i32,
  batch: i32,
  columns: i32,
  low: f64,
  high: f64,
  lengths: usize,
  x: usize,
  counts: usize,
): i32 {
  return sharesOf(steps, batch, columns, low, high, lengths, x, counts);
}

/** The natural logarithm, for what is told about a model: the host's Math must not reach a result. */
export function logarithm(x: f64): f64 {
  return NativeMath.log(x);
}

export function shuffle(n: i32, seed0: u32, seed1: u32, stream0: u32, stream1: u32, out: usize): void {
  shuffleOrder(n, seed0, seed1, stream0, stream1, out);
}

export function meanSquaredError(
  groups: i32,
  size: i32,
  mean: bool,
  prediction: usize,
  target: usize,
  mask: usize,
  grad: usize,
): f64 {
  return losses.meanSquaredError(groups, size, mean, prediction, target, mask, grad);
}

export function huber(
  groups: i32,
  size: i32,
  mean: bool,
  delta: f64,
  prediction: usize,
  target: usize,
  mask: usize,
  grad: usize,
): f64 {
  return losses.huber(groups, size, mean, delta, prediction, target, mask, grad);
}

export function binaryCrossEntropy(
  groups: i32,
  size: i32,
  mean: bool,
  columns: i32,
  logits: usize,
  target: usize,
  mask: usize,
  weight: usize,
  positive: usize,
  grad: usize,
): f64 {
  return losses.binaryCrossEntropy(groups, size, mean, columns, logits, target, mask, weight, positive, grad);
}

export function crossEntropy(
  rows: i32,
  classes: i32,
  mean: bool,
  smoothing: f64,
  logits: usize,
  ids: usize,
  mask: usize,
  weight: usize,
  grad: usize,
): f64 {
  return losses.crossEntropy(rows, classes, mean, smoothing, logits, ids, mask, weight, grad);
}

export function lengthMask(steps: i32, batch: i32, batchFirst: bool, lengths: usize, mask: usize): void {
  maskOfLengths(steps, batch, batchFirst, lengths, mask);
}

export function firstBadId(rows: i32, classes: i32, ids: usize, mask: usize): i32 {
  return losses.firstBadId(rows, classes, ids, mask);
}

export function keptGroups(groups: i32, mask: usize): i32 {
  return losses.keptGroups(groups, mask);
}

export function correctIds(rows: i32, classes: i32, logits: usize, ids: usize, mask: usize): i32 {
  return metrics.correctIds(rows, classes, logits, ids, mask);
}

export function correctSigns(groups: i32, size: i32, prediction: usize, target: usize, mask: usize): i32 {
  return metrics.correctSigns(groups, size, prediction, target, mask);
}

export function absoluteErrors(groups: i32, size: i32, prediction: usize, target: usize, mask: usize): f64 {
  return metrics.absoluteErrors(groups, size, prediction, target, mask);
}

export function squaredErrors(groups: i32, size: i32, prediction: usize, target: usize, mask: usize): f64 {
  return metrics.squaredErrors(groups, size, prediction, target, mask);
}

export function surprisals(rows: i32, classes: i32, logits: usize, ids: usize, mask: usize): f64 {
  return metrics.surprisals(rows, classes, logits, ids, mask);
}

/** exp(x), for metrics: the host's Math must not reach a result. */
export function exponential(x: f64): f64 {
  return NativeMath.exp(x);
}

export function sgd(
  n: i32,
  lr: f64,
  momentum: f64,
  dampening: f64,
  weightDecay: f64,
  nesterov: bool,
  first: bool,
  w: usize,
  g: usize,
  velocity: usize,
): void {
  optimizers.sgd(n, lr, momentum, dampening, weightDecay, nesterov, first, w, g, velocity);
}

export function rmsprop(
  n: i32,
  lr: f64,
  alpha: f64,
  eps: f64,
  weightDecay: f64,
  momentum: f64,
  centered: bool,
  w: usize,
  g: usize,
  squares: usize,
  velocity: usize,
  means: usize,
): void {
  optimizers.rmsprop(n, lr, alpha, eps, weightDecay, momentum, centered, w, g, squares, velocity, means);
}

export function adamAdvance(products: usize, beta1: f64, beta2: f64): void {
  optimizers.adamAdvance(products, beta1, beta2);
}

export function adam(
  n: i32,
  lr: f64,
  beta1: f64,
  beta2: f64,
  eps: f64,
  weightDecay: f64,
  decoupled: bool,
  products: usize,
  w: usize,
  g: usize,
  m: usize,
  v: usize,
): void {
  optimizers.adam(n, lr, beta1, beta2, eps, weightDecay, decoupled, products, w, g, m, v);
}

export function averageInto(n: i32, keep: f64, x: usize, average: usize): void {
  optimizers.averageInto(n, keep, x, average);
}

export function sumSquares(n: i32, x: usize): f64 {
  return optimizers.sumSquares(n, x);
}

/** cos(πx), for learning-rate schedules: the host's Math must not reach a result. */
export function cosineOfPi(x: f64): f64 {
  return NativeMath.cos(NativeMath.PI * x);
}

export function squareRoot(x: f64): f64 {
  return sqrt<f64>(x);
}

export function scaleBlock(n: i32, factor: f64, x: usize): void {
  optimizers.scaleBlock(n, factor, x);
}

export function clampBlock(n: i32, bound: f64, x: usize): void {
  optimizers.clampBlock(n, bound, x);
}

// Single kernels, for tests and benches.

export function applyUnary(op: i32, n: i32, x: usize, y: usize): void {
  elementwise.applyUnary(op, n, 0, x, y);
}

export function packedElements(columns: i32, depth: i32): i32 {
  return linalg.packedElements(columns, depth);
}

export function gemmTnScratch(columns: i32): i32 {
  return linalg.gemmTnScratch(columns);
}

export function solveScratch(n: i32, m: i32): i32 {
  return systems.solveScratch(n, m);
}

export function solve(n: i32, m: i32, a: usize, b: usize, scratch: usize, x: usize): f64 {
  return systems.solve(n, m, a, b, scratch, x);
}

export function packTransposed(columns: i32, depth: i32, w: usize, stride: i32, packed: usize): void {
  packing.packTransposed(columns, depth, w, stride, packed);
}

export function packPlain(columns: i32, depth: i32, w: usize, stride: i32, packed: usize): void {
  packing.packPlain(columns, depth, w, stride, packed);
}

export function gemmPacked(
  rows: i32,
  columns: i32,
  depth: i32,
  a: usize,
  aStride: i32,
  packed: usize,
  c: usize,
  cStride: i32,
): void {
  linalg.gemmPacked(rows, columns, depth, a, aStride, packed, c, cStride, c, cStride);
}

export function gemmTn(
  rows: i32,
  m: i32,
  n: i32,
  a: usize,
  aStride: i32,
  b: usize,
  bStride: i32,
  c: usize,
  cStride: i32,
  panels: usize,
): void {
  linalg.gemmTn(rows, m, n, a, aStride, b, bStride, c, cStride, panels);
}

/** An export so that Binaryen does not inline it into its one caller: there its accumulators spill, at half the speed. */
export function tile1x8(depth: i32, a: usize, b: usize, panelStride: usize, start: usize, c: usize): void {
  tiles.tile1x8(depth, a, b, panelStride, start, c);
}
