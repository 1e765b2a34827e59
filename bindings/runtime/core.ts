/** The exports of the core (assembly/index.ts). Pointers and sizes in bytes are unsigned 32-bit numbers. */
export interface Core {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  readonly HEAP_BASE: { readonly value: number }
  readonly ELEMENT_BYTES: { readonly value: number }
  readonly RELAXED: { readonly value: number }
  readonly CHAIN_SCRATCH: { readonly value: number }
  readonly CHAIN_TILES: { readonly value: number }
  readonly CHAIN_ELEMENTS: { readonly value: number }
  readonly FOLD_PARTS: { readonly value: number }
  readonly FOLD_ROWS: { readonly value: number }
  run(call: number): void
  solveFixedPoints(solve: number): void
  unrollFixedPoints(unrolling: number): void
  sampleBytes(method: number, columns: number, history: number, pairs: number, krylov: number): number
  denseScratch(n: number): number
  copyBytes(dst: number, src: number, bytes: number): void
  zeroBytes(dst: number, bytes: number): void
  clearPadding(steps: number, batch: number, bytes: number, batchFirst: number, lengths: number, x: number): void
  holdPadding(steps: number, batch: number, bytes: number, lengths: number, x: number): void
  endRows(
    steps: number,
    batch: number,
    bytes: number,
    half: number,
    stepStride: number,
    sampleStride: number,
    lengths: number,
    sequence: number,
    rows: number,
    gather: number,
  ): void
  fillUniform(
    n: number,
    low: number,
    high: number,
    seed0: number,
    seed1: number,
    stream0: number,
    stream1: number,
    out: number,
  ): void
  philox(c0: number, c1: number, c2: number, c3: number, key0: number, key1: number, out: number): void
  copyRows(rows: number, bytes: number, src: number, srcStride: number, dst: number, dstStride: number): void
  pickRows(rows: number, columns: number, table: number, ids: number, y: number): void
  addRows(
    rows: number,
    columns: number,
    entries: number,
    padding: number,
    dY: number,
    ids: number,
    dTable: number,
    order: number,
    ends: number,
    partials: number,
  ): void
  addStepRows(steps: number, batch: number, columns: number, x: number, table: number, y: number): void
  addStepSums(steps: number, batch: number, columns: number, dY: number, dTable: number, partial: number): void
  addInto(n: number, a: number, dst: number): void
  fillNormal(
    n: number,
    mean: number,
    deviation: number,
    seed0: number,
    seed1: number,
    stream0: number,
    stream1: number,
    out: number,
  ): void
  orthonormalise(
    count: number,
    length: number,
    vectorStride: number,
    elementStride: number,
    gain: number,
    x: number,
  ): void
  orthonormaliseLogs(count: number, length: number, x: number, logs: number): void
  addStepSquares(steps: number, elements: number, stride: number, x: number, squares: number): void
  addOuterProducts(
    steps: number,
    rows: number,
    m: number,
    n: number,
    a: number,
    aStride: number,
    b: number,
    bStride: number,
    c: number,
    cStride: number,
    d: number,
    dStride: number,
    squares: number,
  ): void
  addSharedProducts(
    steps: number,
    rows: number,
    m: number,
    a: number,
    aStride: number,
    count: number,
    table: number,
  ): void
  addScaled(n: number, factor: number, x: number, y: number): void
  total(n: number, x: number): number
  takeRoots(n: number, x: number): void
  dot(n: number, x: number, y: number): number
  countShares(
    steps: number,
    batch: number,
    columns: number,
    low: number,
    high: number,
    lengths: number,
    x: number,
    counts: number,
  ): number
  logarithm(x: number): number
  applyUnary(op: number, n: number, constant: number, x: number, y: number): void
  shuffle(n: number, seed0: number, seed1: number, stream0: number, stream1: number, out: number): void
  gatherRows(
    outer: number,
    sourceRows: number,
    rows: number,
    bytes: number,
    stride: number,
    indices: number,
    src: number,
    dst: number,
  ): void
  meanSquaredError(
    groups: number,
    size: number,
    mean: number,
    prediction: number,
    target: number,
    mask: number,
    grad: number,
  ): number
  crossEntropy(
    rows: number,
    classes: number,
    mean: number,
    smoothing: number,
    logits: number,
    ids: number,
    mask: number,
    weight: number,
    grad: number,
  ): number
  huber(
    groups: number,
    size: number,
    mean: number,
    delta: number,
    prediction: number,
    target: number,
    mask: number,
    grad: number,
  ): number
  binaryCrossEntropy(
    groups: number,
    size: number,
    mean: number,
    columns: number,
    logits: number,
    target: number,
    mask: number,
    weight: number,
    positive: number,
    grad: number,
  ): number
  rmsprop(
    n: number,
    lr: number,
    alpha: number,
    eps: number,
    weightDecay: number,
    momentum: number,
    centered: number,
    w: number,
    g: number,
    squares: number,
    velocity: number,
    means: number,
  ): void
  averageInto(n: number, keep: number, x: number, average: number): void
  cosineOfPi(x: number): number
  lengthMask(steps: number, batch: number, batchFirst: number, lengths: number, mask: number): void
  weighMask(
    a: number,
    b: number,
    c: number,
    aStride: number,
    bStride: number,
    cStride: number,
    w: number,
    mask: number,
  ): number
  openMask(n: number, mask: number): void
  maskTotal(groups: number, mask: number): number
  firstBadWeight(groups: number, mask: number): number
  classTotal(rows: number, ids: number, mask: number, weight: number): number
  correctIds(rows: number, classes: number, logits: number, ids: number, mask: number): number
  correctSigns(groups: number, size: number, prediction: number, target: number, mask: number): number
  absoluteErrors(groups: number, size: number, prediction: number, target: number, mask: number): number
  squaredErrors(groups: number, size: number, prediction: number, target: number, mask: number): number
  surprisals(rows: number, classes: number, logits: number, ids: number, mask: number): number
  exponential(x: number): number
  firstBadId(rows: number, classes: number, ids: number, mask: number): number
  sgd(
    n: number,
    lr: number,
    momentum: number,
    dampening: number,
    weightDecay: number,
    nesterov: number,
    steps: number,
    w: number,
    g: number,
    velocity: number,
  ): void
  countSteps(count: number, counters: number): void
  adamAdvance(count: number, beta1: number, beta2: number, counters: number): void
  adam(
    n: number,
    lr: number,
    beta1: number,
    beta2: number,
    eps: number,
    weightDecay: number,
    decoupled: number,
    counters: number,
    w: number,
    g: number,
    m: number,
    v: number,
  ): void
  sumSquares(n: number, x: number): number
  sumScaledSquares(n: number, by: number, x: number): number
  greatestOf(n: number, x: number): number
  squareRoot(x: number): number
  scaleBlock(n: number, factor: number, x: number): void
  clampBlock(n: number, bound: number, x: number): void
  packedElements(columns: number, depth: number): number
  gemmTnScratch(columns: number): number
  solveScratch(n: number, m: number): number
}
