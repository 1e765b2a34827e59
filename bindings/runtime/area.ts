import { roundUp } from './heap.ts'

const ALIGNMENT = 64

/** Hands out offsets in memory that is allocated afterwards, whole cache lines each. */
export class Area {
  bytes = 0

  take(bytes: number): number {
    const offset = this.bytes
    this.bytes += roundUp(bytes, ALIGNMENT)
    return offset
  }
}
