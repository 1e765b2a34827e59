import { calendarDay, HOLIDAYS, holidayOn, type Holiday } from './calendar.ts'
import type { Range, Series } from './data.ts'

/** Past births the model sees: yesterday, and the same weekday one week and 52 weeks ago. */
const LAGS = [1, 7, 364] as const
const WEEK = 7
const HARMONICS = 2
/** Hospitals also schedule around these: their eves and the days after have inputs of their own. */
const LONG_HOLIDAYS: readonly Holiday[] = ['newYear', 'independenceDay', 'thanksgiving', 'christmas']

/** The first day whose lags all exist. */
export const FIRST_DAY = Math.max(...LAGS)
export const FEATURES = LAGS.length + 7 + 2 * HARMONICS + HOLIDAYS.length + 2 * LONG_HOLIDAYS.length + 1

/** Row i of `inputs` is what is known on the eve of day i; `targets[i]` is what the model should answer. */
export interface Features {
  readonly inputs: Float32Array // [days, FEATURES]
  readonly targets: Float32Array // [days]
  /** What inputs and targets were scaled by, in births; whoever uses the saved model needs it. */
  readonly scales: { readonly mean: number; readonly sd: number; readonly changeSd: number }
  /** Turns the model's answer for day i into births. */
  readonly toBirths: (answer: number, i: number) => number
}

/** Builds inputs and targets. The target is the change against a week ago; all scales come from `train` alone. */
export function buildFeatures(series: Series, train: Range): Features {
  const { births, firstDay } = series
  const level = moments(births.subarray(train.start, train.end))
  const weeklyChange = births.map((value, i) => value - births[i - WEEK]!)
  const changeSd = moments(weeklyChange.subarray(FIRST_DAY, train.end)).sd

  const inputs = new Float32Array(births.length * FEATURES)
  for (let i = FIRST_DAY; i < births.length; i++) {
    const past = LAGS.map((lag) => (births[i - lag]! - level.mean) / level.sd)
    inputs.set([...past, ...calendarInputs(firstDay + i)], i * FEATURES)
  }
  return {
    inputs,
    targets: Float32Array.from(weeklyChange, (change) => change / changeSd),
    scales: { ...level, changeSd },
    toBirths: (answer, i) => births[i - WEEK]! + answer * changeSd,
  }
}

/** Weekday and holidays as 0 or 1, the season as two harmonics of the year, and the unlucky 13th. */
function calendarInputs(day: number): number[] {
  const { weekday, dayOfYear, date } = calendarDay(day)
  const angle = (2 * Math.PI * (dayOfYear + 0.5)) / 366
  const season = Array.from({ length: HARMONICS }, (_, k) => [Math.sin((k + 1) * angle), Math.cos((k + 1) * angle)])
  return [
    ...Array.from({ length: 7 }, (_, w) => Number(w === weekday)),
    ...season.flat(),
    ...oneHot(HOLIDAYS, holidayOn(day)),
    ...oneHot(LONG_HOLIDAYS, holidayOn(day + 1)),
    ...oneHot(LONG_HOLIDAYS, holidayOn(day - 1)),
    Number(date === 13),
  ]
}

function oneHot(names: readonly Holiday[], name: Holiday | undefined): number[] {
  return names.map((other) => Number(other === name))
}

function moments(values: Float64Array): { mean: number; sd: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return { mean, sd: Math.sqrt(variance) }
}
