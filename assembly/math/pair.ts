/** The two lanes of a float64 vector, for functions that go through NativeMath lane by lane. */

// @ts-ignore: decorator
@inline
export function low(x: v128): f64 {
  return f64x2.extract_lane(x, 0);
}

// @ts-ignore: decorator
@inline
export function high(x: v128): f64 {
  return f64x2.extract_lane(x, 1);
}

// @ts-ignore: decorator
@inline
export function pair(lowLane: f64, highLane: f64): v128 {
  return f64x2.replace_lane(f64x2.splat(lowLane), 1, highLane);
}
