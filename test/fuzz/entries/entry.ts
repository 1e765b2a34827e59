/** A public call with valid arguments, which a mutation may change on their way. */
import type { World } from '../world.ts'

export type Change = (args: unknown[]) => unknown[]

export interface Entry {
  /** As users call it: `fit`, `GRU.forward`. */
  readonly name: string
  /** Makes the call in a world, its arguments changed; gives back what it made alone. */
  run(world: World, change: Change): unknown
  /** Places in which a value of another kind is right as well, by their ends: 'argument 1.lengths: list', '.extra: anything'. */
  readonly takes: readonly string[]
  /** May the valid call be refused, for a reason that is not its arguments? */
  readonly isRefused?: boolean
  /** May a call that is refused half-way, in a batch, have drawn random numbers for those before? */
  readonly trains?: boolean
}

type Make = (world: World) => unknown[]
type Call = (world: World, args: never[]) => unknown

export const entry = (
  name: string,
  make: Make,
  call: Call,
  takes: readonly string[] = [],
  more: Pick<Entry, 'isRefused' | 'trains'> = {},
): Entry => ({
  name,
  takes,
  ...more,
  run: (world, change) => call(world, change(make(world)) as never[]),
})

/** Calls a method, whatever it is given. */
export function call<Result>(on: object, method: string, args: readonly unknown[]): Result {
  return (on as Record<string, (...given: readonly unknown[]) => Result>)[method]!(...args)
}

/** Makes something for the call alone. */
export function ending<Made extends { dispose(): void }, Result>(made: Made, use: (made: Made) => Result): Result {
  try {
    return use(made)
  } finally {
    made.dispose()
  }
}
