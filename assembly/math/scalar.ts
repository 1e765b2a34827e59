/** Functions of one float64 number, for schedules, metrics and what is told about a model: the host's Math must not reach a result. */

export function logarithm(x: f64): f64 {
  return NativeMath.log(x);
}

export function exponential(x: f64): f64 {
  return NativeMath.exp(x);
}

/** cos(πx). */
export function cosineOfPi(x: f64): f64 {
  return NativeMath.cos(NativeMath.PI * x);
}

export function squareRoot(x: f64): f64 {
  return sqrt<f64>(x);
}
