/**
 * The exports of the core, the same names in every variant. bindings/runtime/core.ts declares those that the bindings call.
 * Binaryen inlines no export into a single caller: see docs/kernels.md.
 */
import { Real } from "real";

/** Where the memory of the bindings begins. */
export const HEAP_BASE: usize = __heap_base;
export const ELEMENT_BYTES: i32 = sizeof<Real>();
export const RELAXED: i32 = ASC_FEATURE_RELAXED_SIMD ? 1 : 0;
export { CHAIN_ELEMENTS, CHAIN_SCRATCH, CHAIN_TILES } from "./memory";

// planned calls, and what planning asks for
export { run } from "./engine/unroll";
export { solveFixedPoints } from "./engine/mapping";
export { unrollFixedPoints } from "./engine/iterations";
export { sampleBytes } from "./solvers/methods";
export { denseScratch } from "./solvers/lu";
export { gemmTnScratch, packedElements } from "./linalg/gemm";
export { solveScratch } from "./linalg/solve";

// rows
export { copyBytes, copyRows, gatherRows, zeroBytes } from "./ops/rows";
export { clearPadding, endRows, holdPadding } from "./ops/padding";
export { addRows, addStepRows, addStepSums, pickRows } from "./ops/embedding";
export { lengthMask } from "./ops/length-mask";
export { openMask, weighMask } from "./ops/mask-product";

// random numbers
export { fillNormal } from "./math/normal";
export { fillUniform } from "./math/random";
export { orthonormalise, orthonormaliseLogs } from "./linalg/orthogonal";
export { shuffle } from "./ops/shuffle";

// elements, sums and norms
export { cosineOfPi, exponential, logarithm, squareRoot } from "./math/scalar";
export { applyUnary } from "./ops/elementwise";
export { addOuterProducts, addSharedProducts, addStepSquares, dot, takeRoots } from "./ops/norms";
export { FOLD_PARTS, FOLD_ROWS, addInto, addScaled, total } from "./ops/reduce";
export { countShares } from "./ops/shares";

// training
export { binaryCrossEntropy, classTotal, crossEntropy, firstBadId, firstBadWeight } from "./ops/losses";
export { huber, maskTotal, meanSquaredError } from "./ops/losses";
export { absoluteErrors, correctIds, correctSigns, squaredErrors, surprisals } from "./ops/metrics";
export {
  adam,
  adamAdvance,
  averageInto,
  clampBlock,
  countSteps,
  greatestOf,
  rmsprop,
  scaleBlock,
  sgd,
  sumScaledSquares,
  sumSquares,
} from "./ops/optimizers";

// single kernels that tests and benches call
export { gemmPacked, gemmTn } from "./linalg/gemm";
export { packPlain, packTransposed } from "./linalg/pack";
export { solve } from "./linalg/solve";
export { philox } from "./math/random";

// inlined into its one caller it would run at half its speed
export { tile1x8 } from "./linalg/thin-tiles";
