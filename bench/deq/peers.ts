/** Plain iteration on a problem by us and by what people would use instead: each in a process of its own, sampled in turn. */
import { installPackages } from '../peers/packages.ts'
import { Unavailable } from '../peers/peer.ts'
import { ONE_THREAD } from '../peers/rows.ts'
import { type Launch, Session } from '../peers/session.ts'
import { median, quantile } from '../support/measure.ts'
import type { PlainKey } from './plain.ts'
import type { Problem } from './problems.ts'

export interface PeerEffort {
  readonly rounds: number
  readonly seconds: number
  readonly warmSeconds: number
}

export interface Peer extends Launch {
  readonly name: string
}

/** Either timed, or a sentence that says why not. */
export interface PeerResult {
  /** Median seconds of a call, and half the distance between the quartiles as a share of it. */
  readonly seconds?: number
  readonly spread?: number
  /** Times longer than ours: median of the rounds' ratios. */
  readonly ratio?: number
  /** The same by the processor's time, which other processes disturb less. */
  readonly cpuRatio?: number
  readonly problem?: string
}

export const OURS: Peer = { name: 'retrograd', file: '../deq/ours.ts' }
export const ORT_WEB: Peer = { name: 'onnxruntime-web', file: '../deq/onnxruntime-web.ts' }
export const TORCH_AVX2: Peer = {
  name: 'PyTorch, AVX2 kernels',
  file: '../deq/pytorch.py',
  env: { ...ONE_THREAD, OPENBLAS_CORETYPE: 'Haswell', OPENBLAS_L2_SIZE: process.env.OPENBLAS_L2_SIZE },
}
export const TORCH_AVX512: Peer = {
  name: 'PyTorch, AVX-512 kernels',
  file: '../deq/pytorch.py',
  env: { ...ONE_THREAD, OPENBLAS_CORETYPE: undefined, OPENBLAS_L2_SIZE: undefined },
}

/** Shares of the greatest value: tolerance 1e-5, made larger by (I - J)⁻¹ and by stopping elsewhere. */
const AGREEMENT = 1e-3

interface Contestant {
  readonly peer: Peer
  readonly session: Session
  readonly seconds: number[]
  readonly cpu: number[]
  problem?: string
}

export async function comparePeers(
  peers: readonly Peer[],
  key: PlainKey,
  problem: Problem,
  effort: PeerEffort,
): Promise<Record<string, PeerResult>> {
  installPackages()
  const contestants = peers.map((peer): Contestant => ({
    peer,
    session: new Session(peer, key, problem),
    seconds: [],
    cpu: [],
  }))
  let expected: readonly number[] | undefined
  for (const contestant of contestants) {
    await attempt(contestant, async ({ session }) => {
      const { values } = await session.prepare({})
      expected ??= values!
      expectAgreement(values!, expected)
      await session.sample(effort.warmSeconds)
    })
  }
  for (let round = 0; round < effort.rounds; round++)
    for (const contestant of contestants) await attempt(contestant, () => takeSample(contestant, effort.seconds))
  for (const { session } of contestants) session.close()
  return Object.fromEntries(
    contestants.map((contestant) => [contestant.peer.name, resultOf(contestant, contestants[0]!)]),
  )
}

/** A peer that fails is out; the others go on. */
async function attempt(contestant: Contestant, action: (contestant: Contestant) => Promise<void>): Promise<void> {
  if (contestant.problem) return
  try {
    await action(contestant)
  } catch (error) {
    contestant.session.close()
    if (contestant.peer === OURS) throw error
    contestant.problem = `${error instanceof Unavailable ? 'skipped' : 'failed'}: ${(error as Error).message}`
  }
}

async function takeSample({ session, seconds, cpu }: Contestant, duration: number): Promise<void> {
  const sample = await session.sample(duration)
  seconds.push(sample.seconds)
  cpu.push(sample.cpu)
}

function expectAgreement(theirs: readonly number[], ours: readonly number[]): void {
  const scale = ours.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const place = ours.findIndex((value, i) => !(Math.abs(value - theirs[i]!) <= AGREEMENT * scale))
  if (place >= 0) throw new Error(`value ${place} is ${theirs[place]}; ours ${ours[place]}; not timed`)
}

function resultOf({ problem, seconds, cpu }: Contestant, ours: Contestant): PeerResult {
  if (problem) return { problem }
  const middle = median(seconds)
  const ratio = (theirs: readonly number[], of: readonly number[]) => median(theirs.map((time, i) => time / of[i]!))
  return {
    seconds: middle,
    spread: (quantile(seconds, 0.75) - quantile(seconds, 0.25)) / 2 / middle,
    ratio: ratio(seconds, ours.seconds),
    cpuRatio: ratio(cpu, ours.cpu),
  }
}
