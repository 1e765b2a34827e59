/** One step of each structured cell for one sample, in plain float64 loops. */
import { solveReference } from './solve.ts'

type Numbers = ArrayLike<number>
type Parameters = Readonly<Record<string, Numbers>>
type State = Readonly<Record<string, number[]>>
export type ReferenceStep = (p: Parameters, x: number[], state: State) => { state: State; output: number[] }

const PHI = { tanh: Math.tanh, relu: (a: number) => Math.max(a, 0), identity: (a: number) => a }
const sigmoid = (a: number): number => 1 / (1 + Math.exp(-a))
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** Element `row` of W x + b. */
function affine(W: Numbers, x: number[], row: number, b?: Numbers): number {
  return x.reduce((sum, value, k) => sum + W[row * x.length + k]! * value, b ? b[row]! : 0)
}

const onlyHidden = (h: number[]) => ({ state: { h }, output: h })

export const orthogonal =
  (phi: keyof typeof PHI): ReferenceStep =>
  ({ weightIh, skewHh, bias }, x, { h }) => {
    const H = h!.length
    const S = (i: number, j: number) => skewHh![i * H + j]!
    const entries = (sign: number) =>
      range(H * H).map((e) => {
        const [i, j] = [Math.floor(e / H), e % H]
        return Number(i === j) + sign * (S(i, j) - S(j, i))
      })
    const Q = solveReference(H, H, entries(1), entries(-1))
    return onlyHidden(range(H).map((i) => PHI[phi](affine(weightIh!, x, i, bias) + affine(Q, h!, i))))
  }

export const ind =
  (phi: keyof typeof PHI): ReferenceStep =>
  ({ weightIh, weightHh, bias }, x, { h }) =>
    onlyHidden(h!.map((value, i) => PHI[phi](affine(weightIh!, x, i, bias) + weightHh![i]! * value)))

export const antisymmetric =
  (epsilon: number, gamma: number, gated: boolean): ReferenceStep =>
  ({ weightIh, weightHh, bias }, x, { h }) => {
    const H = h!.length
    return onlyHidden(
      h!.map((value, i) => {
        const flow = range(H).reduce(
          (sum, j) => sum + (weightHh![i * H + j]! - weightHh![j * H + i]!) * h![j]!,
          -gamma * value,
        )
        const drive = (block: number) => flow + affine(weightIh!, x, block * H + i, bias)
        return value + epsilon * (gated ? sigmoid(drive(0)) * Math.tanh(drive(1)) : Math.tanh(drive(0)))
      }),
    )
  }

export const minGru: ReferenceStep = ({ weightIh, bias }, x, { h }) =>
  onlyHidden(
    h!.map((value, i) => {
      const z = sigmoid(affine(weightIh!, x, i, bias))
      return (1 - z) * value + z * affine(weightIh!, x, h!.length + i, bias)
    }),
  )

export const diagonal: ReferenceStep = ({ nu, theta, weightIh, weightHo, weightIo }, x, { re, im }) => {
  const H = re!.length
  const radius = (i: number) => Math.exp(-Math.exp(nu![i]!))
  const real = (i: number) => radius(i) * Math.cos(Math.exp(theta![i]!))
  const imaginary = (i: number) => radius(i) * Math.sin(Math.exp(theta![i]!))
  const drive = (i: number, block: number) =>
    Math.sqrt(-Math.expm1(-2 * Math.exp(nu![i]!))) * affine(weightIh!, x, block * H + i)
  const nextRe = range(H).map((i) => real(i) * re![i]! - imaginary(i) * im![i]! + drive(i, 0))
  const nextIm = range(H).map((i) => imaginary(i) * re![i]! + real(i) * im![i]! + drive(i, 1))
  const output = range(weightHo!.length / (2 * H)).map((o) =>
    range(H).reduce(
      (sum, i) => sum + weightHo![o * 2 * H + i]! * nextRe[i]! - weightHo![o * 2 * H + H + i]! * nextIm[i]!,
      affine(weightIo!, x, o),
    ),
  )
  return { state: { re: nextRe, im: nextIm }, output }
}
