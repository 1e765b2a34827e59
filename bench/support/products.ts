/** The core's products alone, outside any program: one product, or all those of a workload. */
import { chunkSteps } from '../../bindings/program/layout.ts'
import { type Numbers, type TestCore, arrays } from '../../test/support/core.ts'
import { generate } from '../../test/support/generator.ts'
import { GATES, type Product, type Workload, flopsOf } from './shapes.ts'

interface Place {
  readonly data: Numbers
  readonly address: number
}

/** Arrays in the core filled with numbers in [-1, 1), from the heap's start: they end those of an earlier call. */
function filled(core: TestCore, ...counts: number[]): Place[] {
  const places = arrays(core, ...counts)
  for (const [i, { data }] of places.entries()) data.set(generate(i, 'bench', data.length))
  return places
}

/** One product ready to run, `a` and `b` its operands as they are stored: A [rows, depth] or [depth, rows]; B [depth, columns]. */
export function prepare(core: TestCore, { form, rows, columns, depth }: Product) {
  const { gemmPacked, gemmTn, packPlain, packedElements, gemmTnScratch } = core.exports as Record<
    string,
    (...n: number[]) => number
  >
  const scratch = form === 'tn' ? gemmTnScratch!(columns) : packedElements!(columns, depth)
  const [a, b, c, panels] = filled(core, rows * depth, depth * columns, rows * columns, scratch) as [
    Place,
    Place,
    Place,
    Place,
  ]
  if (form === 'packed') packPlain!(columns, depth, b.address, columns, panels.address)
  c.data.fill(0)
  const run =
    form === 'packed'
      ? () =>
          gemmPacked!(rows, columns, depth, a.address, depth, panels.address, c.address, columns, c.address, columns)
      : () => gemmTn!(depth, rows, columns, a.address, rows, b.address, columns, c.address, columns, panels.address)
  return { a: a.data, b: b.data, c: c.data, run }
}

/** A workload's products in their order over the addresses that its passes have: same shapes, same memory, nothing else. */
export function workloadProducts(core: TestCore, workload: Workload): { run: () => void; flops: number } {
  const { B, T, I, H, head } = workload
  const { gemmPacked, gemmTn, gemmTnScratch, packedElements } = core.exports as Record<
    string,
    (...n: number[]) => number
  >
  const [G, O, rows] = [GATES[workload.cell] * H, head?.outputs ?? 1, T * B]
  const chunk = Math.min(T, chunkSteps(B))
  const chunkRows = chunk * B
  const sizes = [rows * I, rows * G, (rows + B) * H, chunkRows * G, B * H, rows * O, rows * H, G * I, G * H, O * H]
  const panels = [
    packedElements!(G, I),
    packedElements!(G, H),
    packedElements!(H, G),
    packedElements!(O, H),
    packedElements!(H, O),
  ]
  const scratch = gemmTnScratch!(Math.max(I, H))
  const places = filled(core, ...sizes, ...panels, scratch).map(({ address }) => address)
  const [x, a, h, dA, dH, y, dY, gradIh, gradHh, gradOut, wIh, wHh, wHhBack, wOut, wOutBack, tn] = places as [
    number, number, number, number, number, number, number, number, number, number, number, number, number, number, number, number,
  ] // prettier-ignore
  const at = (base: number, elements: number) => base + elements * core.elementBytes
  let flops = 0
  const packed = (m: number, n: number, k: number, from: number, w: number, to: number) => {
    flops += flopsOf({ form: 'packed', use: '', rows: m, columns: n, depth: k })
    gemmPacked!(m, n, k, from, k, w, to, n, to, n)
  }
  const summed = (r: number, m: number, n: number, left: number, right: number, to: number) => {
    flops += flopsOf({ form: 'tn', use: '', rows: m, columns: n, depth: r })
    gemmTn!(r, m, n, left, m, right, n, to, n, tn)
  }
  /** The rows of the head: the last step's at once, or a chunk's. */
  const headBlocks = head?.on === 'last' ? [[T - 1, B]] : blocks(T, chunk).map(([start, steps]) => [start!, steps! * B])

  const forward = () => {
    for (const [start, steps] of blocks(T, chunk) as [number, number][]) {
      packed(steps * B, G, I, at(x, start * B * I), wIh, at(a, start * B * G))
      for (let t = start; t < start + steps; t++) packed(B, G, H, at(h, t * B * H), wHh, at(a, t * B * G))
    }
    if (head)
      for (const [t, m] of headBlocks as [number, number][])
        packed(m, O, H, at(h, (t + 1) * B * H), wOut, at(y, t * B * O))
  }
  const backward = () => {
    for (const [t, m] of headBlocks as [number, number][]) {
      packed(m, H, O, at(y, t * B * O), wOutBack, at(dY, t * B * H))
      summed(m, O, H, at(y, t * B * O), at(h, (t + 1) * B * H), gradOut)
    }
    for (const [start, steps] of (blocks(T, chunk) as [number, number][]).reverse()) {
      for (let t = steps - 1; t >= 0; t--) packed(B, H, G, at(dA, t * B * G), wHhBack, dH)
      summed(steps * B, G, I, dA, at(x, start * B * I), gradIh)
      summed(steps * B, G, H, dA, at(h, start * B * H), gradHh)
    }
  }
  const run = () => {
    flops = 0
    forward()
    if (head) backward()
  }
  run()
  return { run, flops }
}

/** [first step, steps] of each chunk. */
function blocks(T: number, chunk: number): number[][] {
  return Array.from({ length: Math.ceil(T / chunk) }, (_, i) => [i * chunk, Math.min(chunk, T - i * chunk)])
}
