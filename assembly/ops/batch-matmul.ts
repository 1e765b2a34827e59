/** Products of small matrices, one for each sample. In order of the depth for every element, as all products of the core. */
import { transposeInto } from "../linalg/pack";
import { LANES, at, loadSplat, madd, splat } from "../simd";
import { storeValid } from "./tail";

/** Rows of a product that are computed side by side. */
const ROWS: i32 = 4;

/**
 * c[r] = a[r] b[r] for r in [0, rows): a[r] is Real[m, k], or its transpose Real[k, m]; b[r] is Real[k, n], or its transpose
 * Real[n, k]; c[r] is Real[m, n], and does not overlap them. scratch: k n elements and a vector where b comes transposed.
 */
export function batchMatmul(
  rows: i32,
  m: i32,
  k: i32,
  n: i32,
  aTransposed: bool,
  bTransposed: bool,
  a: usize,
  b: usize,
  scratch: usize,
  c: usize,
): void {
  const aRow = aTransposed ? 1 : k;
  const aDepth = aTransposed ? m : 1;
  for (let row = 0; row < rows; row++) {
    if (bTransposed) transposeInto(n, k, b, k, scratch, n);
    product(m, k, n, a, aRow, aDepth, bTransposed ? scratch : b, c);
    a = at(a, m * k);
    b = at(b, k * n);
    c = at(c, m * n);
  }
}

function product(m: i32, k: i32, n: i32, a: usize, aRow: i32, aDepth: i32, b: usize, c: usize): void {
  for (let j = 0; j < n; j += LANES) {
    let i = 0;
    for (; i + ROWS <= m; i += ROWS) fourRows(k, n, n - j, at(a, i * aRow), aRow, aDepth, at(b, j), at(c, i * n + j));
    for (; i < m; i++) oneRow(k, n, n - j, at(a, i * aRow), aDepth, at(b, j), at(c, i * n + j));
  }
}

/** One vector of columns in four rows of c, `valid` lanes of it. */
// @ts-ignore: decorator
@inline
function fourRows(k: i32, n: i32, valid: i32, a: usize, aRow: i32, aDepth: i32, b: usize, c: usize): void {
  const row = at(0, aRow);
  let acc0 = splat(0);
  let acc1 = splat(0);
  let acc2 = splat(0);
  let acc3 = splat(0);
  for (let p = 0; p < k; p++) {
    const right = v128.load(b);
    acc0 = madd(loadSplat(a), right, acc0);
    acc1 = madd(loadSplat(a + row), right, acc1);
    acc2 = madd(loadSplat(a + 2 * row), right, acc2);
    acc3 = madd(loadSplat(a + 3 * row), right, acc3);
    a = at(a, aDepth);
    b = at(b, n);
  }
  storeValid(c, acc0, valid);
  storeValid(at(c, n), acc1, valid);
  storeValid(at(c, 2 * n), acc2, valid);
  storeValid(at(c, 3 * n), acc3, valid);
}

// @ts-ignore: decorator
@inline
function oneRow(k: i32, n: i32, valid: i32, a: usize, aDepth: i32, b: usize, c: usize): void {
  let acc = splat(0);
  for (let p = 0; p < k; p++) {
    acc = madd(loadSplat(a), v128.load(b), acc);
    a = at(a, aDepth);
    b = at(b, n);
  }
  storeValid(c, acc, valid);
}
