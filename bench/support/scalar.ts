/** Plain JavaScript, one number at a time: the baseline beside every figure, and (in float64) the reference of results. */
export type Numbers = Float32Array | Float64Array

/** C[m, n] += A[m, k] B[k, n]. */
export function product(m: number, n: number, k: number, a: Numbers, b: Numbers, c: Numbers): void {
  for (let i = 0; i < m; i++) {
    for (let l = 0; l < k; l++) {
      const factor = a[i * k + l]!
      for (let j = 0; j < n; j++) c[i * n + j]! += factor * b[l * n + j]!
    }
  }
}

/** y += W x, W being [rows, columns]. */
function addProduct(rows: number, columns: number, w: Numbers, x: Numbers, xStart: number, y: Numbers): void {
  for (let i = 0; i < rows; i++) {
    let sum = 0
    for (let j = 0; j < columns; j++) sum += w[i * columns + j]! * x[xStart + j]!
    y[i]! += sum
  }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

export interface Weights {
  readonly weightIh: Numbers
  readonly weightHh: Numbers
  readonly biasIh: Numbers
  readonly biasHh: Numbers
}

export interface Sizes {
  readonly T: number
  readonly B: number
  readonly I: number
  readonly H: number
}

/** LSTM over x [T, B, I] from zeros; h and c of the last step, [B, H] each, are left in `h` and `c`. */
export function lstmForward({ T, B, I, H }: Sizes, w: Weights, x: Numbers, h: Numbers, c: Numbers): void {
  const a = new Float64Array(4 * H)
  for (let t = 0; t < T; t++) {
    for (let b = 0; b < B; b++) {
      const row = h.subarray(b * H, (b + 1) * H)
      for (let j = 0; j < 4 * H; j++) a[j] = w.biasIh[j]! + w.biasHh[j]!
      addProduct(4 * H, I, w.weightIh, x, (t * B + b) * I, a)
      addProduct(4 * H, H, w.weightHh, row, 0, a)
      for (let j = 0; j < H; j++) {
        const cell = sigmoid(a[H + j]!) * c[b * H + j]! + sigmoid(a[j]!) * Math.tanh(a[2 * H + j]!)
        c[b * H + j] = cell
        row[j] = sigmoid(a[3 * H + j]!) * Math.tanh(cell)
      }
    }
  }
}

/** GRU (reset after the product) over x [T, B, I]; the last step's h, [B, H], is left in `h`. */
export function gruForward({ T, B, I, H }: Sizes, w: Weights, x: Numbers, h: Numbers): void {
  const [gi, gh] = [new Float64Array(3 * H), new Float64Array(3 * H)]
  for (let t = 0; t < T; t++) {
    for (let b = 0; b < B; b++) {
      const row = h.subarray(b * H, (b + 1) * H)
      gi.set(w.biasIh)
      gh.set(w.biasHh)
      addProduct(3 * H, I, w.weightIh, x, (t * B + b) * I, gi)
      addProduct(3 * H, H, w.weightHh, row, 0, gh)
      for (let j = 0; j < H; j++) {
        const z = sigmoid(gi[H + j]! + gh[H + j]!)
        const n = Math.tanh(gi[2 * H + j]! + sigmoid(gi[j]! + gh[j]!) * gh[2 * H + j]!)
        row[j] = (1 - z) * n + z * row[j]!
      }
    }
  }
}
