/** Files and states. */
import { readSafetensors, readState, writeSafetensors, writeState } from '../../../bindings/io.ts'
import { B, H } from '../world.ts'
import { type Entry, entry } from './entry.ts'

type Free = (...args: never[]) => unknown
const dict = () => ({ a: { shape: [2], data: Float32Array.of(1, 2) } })

export const FILES: readonly Entry[] = [
  entry(
    'writeSafetensors',
    () => [dict(), { note: 'x' }],
    (_, args) => (writeSafetensors as Free)(...args),
    ['argument 1.a.data: list', 'argument 1.a: tensor', '.retrograd: number'],
  ),
  entry(
    'readSafetensors',
    () => [writeSafetensors(dict())],
    (_, args) => (readSafetensors as Free)(...args),
  ),
  entry(
    'writeState',
    ({ rt }) => [{ h: rt.tensor(new Float32Array(B * H), [B, H]) }],
    (_, args) => (writeState as Free)(...args),
  ),
  entry(
    'readState',
    ({ rt }) => [rt, writeState({ h: rt.tensor([1, 2]) })],
    (_, args) => (readState as Free)(...args),
  ),
]
