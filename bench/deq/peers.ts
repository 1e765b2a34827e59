/** Plain iteration on a problem by us and by what people would use instead (support/contest.ts). */
import { fileURLToPath } from 'node:url'
import { installPackages } from '../peers/packages.ts'
import { type ContestEffort, type Entrant, type Results, contest } from '../support/contest.ts'
import type { Session } from '../support/session.ts'
import * as torch from '../support/torch.ts'
import { expectClose } from '../support/verify.ts'
import type { PlainKey } from './plain.ts'
import type { Problem } from './problems.ts'

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

export const OURS: Entrant = { name: 'retrograd', file: path('ours.ts') }
export const ORT_WEB: Entrant = { name: 'onnxruntime-web', file: path('onnxruntime-web.ts') }
export const TORCH_AVX2: Entrant = { ...torch.TORCH_AVX2, file: path('pytorch.py') }
export const TORCH_AVX512: Entrant = { ...torch.TORCH_AVX512, file: path('pytorch.py') }

/** Shares of the greatest value: tolerance 1e-5, made larger by (I - J)⁻¹ and by stopping elsewhere. */
const AGREEMENT = 1e-3

/** @param entrants ours first; the others are to find what it finds */
export function comparePeers(
  entrants: readonly Entrant[],
  key: PlainKey,
  problem: Problem,
  effort: ContestEffort,
): Promise<Results> {
  installPackages()
  let ours: readonly number[] | undefined
  const prepare = async (session: Session) => {
    const { values } = await session.prepare()
    ours ??= values!
    const scale = ours.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    expectClose('values', values!, ours, AGREEMENT * scale)
  }
  return contest(entrants, { key, workload: problem, effort, prepare })
}
