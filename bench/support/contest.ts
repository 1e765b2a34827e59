/**
 * A contest of processes, each of which does the same work: all are checked, warmed, and then sampled in turn, round by round, one at a
 * time, so that a ratio is the median of the rounds' ratios.
 */
import { Unavailable } from './case.ts'
import { type Timing, median, spreadOf } from './measure.ts'
import { type Launch, Session } from './session.ts'

export interface Entrant extends Launch {
  readonly name: string
}

export interface ContestEffort {
  readonly rounds: number
  /** Of each entrant in each round. */
  readonly seconds: number
  /** Of each entrant before the first round. */
  readonly warmSeconds: number
}

export interface Contest<E extends Entrant> {
  /** Which of its cases each process is to prepare, and on what. */
  readonly key: string
  readonly workload: object
  readonly effort: ContestEffort
  /** Lets a process prepare its case. Throws unless it computes what it should. */
  prepare(session: Session, entrant: E): Promise<void>
}

/** Either timed, or a sentence that says why not. */
export interface Result {
  readonly timing?: Compared
  readonly problem?: string
}

export interface Compared extends Timing {
  /** Times longer than ours: median of the rounds' ratios. */
  readonly ratio: number
  /** The same by the processor's time, which other processes disturb less. */
  readonly cpuRatio: number
}

export type Results = Readonly<Record<string, Result>>

/** An entrant from its start to its last sample. */
interface Contestant<E> {
  readonly entrant: E
  readonly session: Session
  readonly seconds: number[]
  readonly cpu: number[]
  problem?: string
}

/** @param entrants ours first: where it fails there is nothing to compare with, which is an error; any other is out, and the rest go on */
export async function contest<E extends Entrant>(entrants: readonly E[], terms: Contest<E>): Promise<Results> {
  const { key, workload, effort, prepare } = terms
  const contestants = entrants.map((entrant): Contestant<E> => {
    return { entrant, session: new Session(entrant, key, workload), seconds: [], cpu: [] }
  })
  const ours = contestants[0]!
  try {
    await eachOf(contestants, async ({ session, entrant }) => {
      await prepare(session, entrant)
      await session.sample(effort.warmSeconds)
    })
    for (let round = 0; round < effort.rounds; round++)
      await eachOf(contestants, (contestant) => takeSample(contestant, effort.seconds))
  } finally {
    for (const { session } of contestants) session.close()
  }
  return Object.fromEntries(contestants.map((contestant) => [contestant.entrant.name, resultOf(contestant, ours)]))
}

/** One after the other, those that are out left out. */
async function eachOf<E extends Entrant>(
  contestants: readonly Contestant<E>[],
  action: (contestant: Contestant<E>) => Promise<void>,
): Promise<void> {
  for (const contestant of contestants) {
    if (contestant.problem) continue
    try {
      await action(contestant)
    } catch (error) {
      contestant.session.close()
      if (contestant === contestants[0]) throw error
      contestant.problem = `${error instanceof Unavailable ? 'skipped' : 'failed'}: ${(error as Error).message}`
    }
  }
}

async function takeSample<E>({ session, seconds, cpu }: Contestant<E>, duration: number): Promise<void> {
  const sample = await session.sample(duration)
  seconds.push(sample.seconds)
  cpu.push(sample.cpu)
}

function resultOf<E>({ problem, seconds, cpu }: Contestant<E>, ours: Contestant<E>): Result {
  if (problem) return { problem }
  const ratio = (theirs: readonly number[], of: readonly number[]) => median(theirs.map((time, i) => time / of[i]!))
  const ratios = { ratio: ratio(seconds, ours.seconds), cpuRatio: ratio(cpu, ours.cpu) }
  return { timing: { seconds: median(seconds), spread: spreadOf(seconds), rounds: seconds, ...ratios } }
}
