/**
 * Who owns which bytes of the core's memory. A first-fit free list; memory grows when nothing fits, up to the limit.
 * Growing detaches views, so views are made here, and made anew when the buffer has changed.
 */
import type { Core } from './core.ts'
import { fail } from './errors.ts'

const PAGE = 65536
const ALIGNMENT = 64
/** Whole vectors may be read past an array's end. */
const SLACK = 64

const WITH_SCOPE = ' with the scope that it was made in (rt.scope, or a step of fit); tensor.keep() keeps one'

interface Block {
  address: number
  bytes: number
}

/** Bytes that belong to somebody until `dispose`; reclaimed when dropped, where the host tells. */
export class Allocation {
  readonly address: number
  readonly bytes: number
  readonly #heap: Heap
  #alive = true
  /** What messages add where it is used after its end. */
  end = ''
  #taken: Allocation[] = []

  constructor(heap: Heap, block: Block) {
    this.#heap = heap
    this.address = block.address
    this.bytes = block.bytes
  }

  get alive(): boolean {
    return this.#alive && this.#heap.alive
  }

  /** @param by a scope, where it was not the caller by name */
  dispose(by?: 'scope'): void {
    if (!this.#alive) return
    this.#alive = false
    if (by) this.end = WITH_SCOPE
    this.#heap.release(this)
    for (const other of this.#taken.splice(0)) other.dispose()
  }

  /** Disposes of another one as well when it ends. */
  take(other: Allocation): void {
    this.#taken = [...this.#taken.filter(({ alive }) => alive), other]
  }
}

/** What helps where memory has run out. */
const REMEDIES =
  'Dispose of what is not needed, let the event loop turn (what was dropped is reclaimed then), use smaller batches'

export class Heap {
  /** Until `end`. */
  alive = true
  #core: Core
  readonly #limit: number
  readonly #free: Block[] = []
  #used = 0
  #buffer: ArrayBuffer
  #words: Int32Array
  readonly #registry:
    { register(target: object, held: Block, token: object): void; unregister(token: object): void } | undefined

  constructor(core: Core, limit: number) {
    this.#core = core
    this.#limit = limit
    this.#buffer = core.memory.buffer
    this.#words = new Int32Array(this.#buffer)
    const start = roundUp(core.HEAP_BASE.value, ALIGNMENT)
    this.#free.push({ address: start, bytes: this.#buffer.byteLength - start })
    this.#registry =
      typeof FinalizationRegistry === 'undefined'
        ? undefined
        : new FinalizationRegistry((block: Block) => this.#give(block))
  }

  /** Ends all that is in it, and lets go of the memory itself. */
  end(ended: Core): void {
    this.alive = false
    this.#core = ended
    this.#buffer = new ArrayBuffer(0)
    this.#words = new Int32Array(this.#buffer)
  }

  /** Bytes that belong to somebody now. */
  get used(): number {
    return this.#used
  }

  /** @throws RetrogradError 'memory' if `bytes` more do not fit under the limit; nothing is changed then. */
  allocate(bytes: number, what: string): Allocation {
    if (!this.alive) fail('disposed', `${what}: the runtime was disposed of`)
    const size = roundUp(Math.max(bytes, 1) + SLACK, ALIGNMENT)
    const index = this.#fit(size, what)
    const block = this.#free[index]!
    const taken = { address: block.address, bytes: size }
    block.address += size
    block.bytes -= size
    if (block.bytes === 0) this.#free.splice(index, 1)
    this.#used += size
    const allocation = new Allocation(this, taken)
    this.#registry?.register(allocation, taken, allocation)
    return allocation
  }

  /** An allocation filled with zeros. */
  allocateZeros(bytes: number, what: string): Allocation {
    const allocation = this.allocate(bytes, what)
    this.#core.zeroBytes(allocation.address, allocation.bytes)
    return allocation
  }

  release(allocation: Allocation): void {
    this.#registry?.unregister(allocation)
    this.#give({ address: allocation.address, bytes: allocation.bytes })
  }

  /** The whole memory as 32-bit words: valid until the next allocation. */
  get words(): Int32Array {
    this.#refresh()
    return this.#words
  }

  get buffer(): ArrayBuffer {
    this.#refresh()
    return this.#buffer
  }

  #refresh(): void {
    if (!this.alive) return
    if (this.#buffer === this.#core.memory.buffer) return
    this.#buffer = this.#core.memory.buffer
    this.#words = new Int32Array(this.#buffer)
  }

  #fit(size: number, what: string): number {
    const index = this.#free.findIndex((block) => block.bytes >= size)
    if (index >= 0) return index
    this.#grow(size, what)
    return this.#free.length - 1
  }

  #grow(size: number, what: string): void {
    const end = this.#core.memory.buffer.byteLength
    const last = this.#free.at(-1)
    const atEnd = last !== undefined && last.address + last.bytes === end ? last.bytes : 0
    const pages = Math.ceil((size - atEnd) / PAGE)
    const wanted = end + pages * PAGE
    if (wanted > this.#limit) this.#refuse(what, wanted, `maxMemory is ${this.#limit}. ${REMEDIES}, or raise maxMemory`)
    try {
      this.#core.memory.grow(pages)
    } catch {
      this.#refuse(what, wanted, `the host gives no more. ${REMEDIES}`)
    }
    this.#refresh()
    this.#give({ address: end, bytes: pages * PAGE }, false)
  }

  #refuse(what: string, wanted: number, why: string): never {
    fail('memory', `${what}: needs ${wanted} bytes of memory in all; ${why}`)
  }

  /** Puts a block back, joined with its free neighbours. */
  #give(block: Block, wasUsed = true): void {
    if (wasUsed) this.#used -= block.bytes
    let index = this.#free.findIndex((other) => other.address > block.address)
    if (index < 0) index = this.#free.length
    this.#free.splice(index, 0, { ...block })
    this.#join(index)
    if (index > 0) this.#join(index - 1)
  }

  #join(index: number): void {
    const [block, next] = [this.#free[index], this.#free[index + 1]]
    if (!block || !next || block.address + block.bytes !== next.address) return
    block.bytes += next.bytes
    this.#free.splice(index + 1, 1)
  }
}

export const roundUp = (n: number, step: number): number => Math.ceil(n / step) * step
