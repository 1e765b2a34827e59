import type { Range, Series } from './data.ts'

/** Errors over one part of the series, in births per day. */
export interface Score {
  readonly mae: number
  readonly rmse: number
}

/** Forecasts every day by the value `lag` days before: 1 is last value, 7 and 364 are seasonal naive. */
export function naive({ births }: Series, lag: number): Float64Array {
  return births.map((_, i) => births[i - lag] ?? NaN)
}

/** Mean absolute error and root mean square error of a forecast of the whole series, over the days of `part`. */
export function score({ births }: Series, forecast: Float64Array, { start, end }: Range): Score {
  let absolute = 0
  let squared = 0
  for (let i = start; i < end; i++) {
    const error = forecast[i]! - births[i]!
    absolute += Math.abs(error)
    squared += error * error
  }
  return { mae: absolute / (end - start), rmse: Math.sqrt(squared / (end - start)) }
}
