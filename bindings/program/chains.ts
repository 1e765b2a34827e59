/** The order in which a segment runs: elementwise nodes of one shape stand together as long as their operands are there. */
import type { Node } from './operation.ts'
import { Queue } from './queue.ts'

/** A chain of elementwise nodes of one shape, or any other node alone. */
export interface Step {
  readonly chain: boolean
  readonly nodes: Node[]
}

/**
 * Of the nodes whose operands are there, the first that continues the open chain comes next; where none does, the first of all.
 *
 * @param nodes in a topological order
 */
export function chains(nodes: readonly Node[]): Step[] {
  const waiting = new Waiting(nodes)
  const steps: Step[] = []
  for (let head = waiting.takeFirst(); head !== undefined; head = waiting.takeFirst()) {
    const chain = head.op.link !== undefined
    steps.push({ chain, nodes: chain ? waiting.takeChain(head) : [head] })
  }
  return steps
}

/** Nodes that have no place yet. Every node and every operand is looked at a fixed number of times. */
class Waiting {
  readonly #nodes: readonly Node[]
  /** By node: the positions of its users. */
  readonly #users = new Map<Node, number[]>()
  /** By position: the operands that have no place yet. */
  readonly #missing: number[]
  readonly #isTaken: boolean[]
  /** Positions of those whose operands are there: of all, and of elementwise ones by shape. Those taken by one queue stay in the other. */
  readonly #ready = new Queue()
  readonly #readyOf = new Map<string, Queue>()

  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes
    this.#isTaken = nodes.map(() => false)
    const own = new Set(nodes)
    const operands = nodes.map(({ inputs }) => new Set(inputs.map(({ node }) => node).filter((node) => own.has(node))))
    for (const node of nodes) this.#users.set(node, [])
    for (const [at, nodes] of operands.entries()) for (const node of nodes) this.#users.get(node)!.push(at)
    this.#missing = operands.map(({ size }) => size)
    for (const [at, count] of this.#missing.entries()) if (count === 0) this.#announce(at)
  }

  takeFirst(): Node | undefined {
    const at = this.#next(this.#ready)
    return at === undefined ? undefined : this.#take(at)
  }

  /** The chain that a node begins. A view reads rows and columns of its own, so its source must stand before the chain. */
  takeChain(head: Node): Node[] {
    const chain = new Set([head])
    const queue = this.#queueOf(head)
    const barred: number[] = []
    for (let at = this.#next(queue); at !== undefined; at = this.#next(queue)) {
      const { op, inputs } = this.#nodes[at]!
      if (op.isView && inputs.some(({ node }) => chain.has(node))) barred.push(at)
      else chain.add(this.#take(at))
    }
    for (const at of barred) queue.push(at)
    return [...chain]
  }

  #next(queue: Queue): number | undefined {
    let at = queue.pop()
    while (at !== undefined && this.#isTaken[at]) at = queue.pop()
    return at
  }

  #take(at: number): Node {
    const node = this.#nodes[at]!
    this.#isTaken[at] = true
    for (const user of this.#users.get(node)!) if (--this.#missing[user]! === 0) this.#announce(user)
    return node
  }

  #announce(at: number): void {
    this.#ready.push(at)
    const node = this.#nodes[at]!
    if (node.op.link) this.#queueOf(node).push(at)
  }

  #queueOf({ results }: Node): Queue {
    const { rows, columns } = results[0]!
    const shape = `${rows} x ${columns}`
    let queue = this.#readyOf.get(shape)
    if (queue === undefined) this.#readyOf.set(shape, (queue = new Queue()))
    return queue
  }
}
