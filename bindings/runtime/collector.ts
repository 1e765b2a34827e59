/** Tensors that a user makes for a while: they go back with the scope in which they were made. */
import { fail } from './errors.ts'
import { Tensor } from './tensor.ts'

export class Collector {
  /** The innermost last. */
  readonly #scopes: Set<Tensor>[] = []

  /** A tensor that was made now belongs to the innermost scope. */
  add(tensor: Tensor): Tensor {
    this.#scopes.at(-1)?.add(tensor)
    return tensor
  }

  /** Takes it out of all scopes. */
  keep(tensor: Tensor): void {
    for (const scope of this.#scopes) scope.delete(tensor)
  }

  /** What `run` returns is handed on to the scope around this one. */
  scope<Result>(who: string, run: () => Result): Result {
    const made = new Set<Tensor>()
    this.#scopes.push(made)
    try {
      const result = run()
      if (typeof (result as { then?: unknown } | undefined)?.then === 'function')
        fail(
          'type',
          `${who}: run gave a promise; expected it to be done when it returns, for tensors are given back then`,
        )
      if (made.size > 0) this.#handOn(result, made)
      return result
    } finally {
      this.#scopes.pop()
      for (const tensor of made) tensor.storage.dispose('scope')
    }
  }

  #handOn(result: unknown, made: Set<Tensor>): void {
    for (const tensor of tensorsIn(result)) if (made.delete(tensor)) this.#scopes.at(-2)?.add(tensor)
  }
}

/** A tensor, or those in arrays and plain objects. */
function tensorsIn(value: unknown): Tensor[] {
  const found: Tensor[] = []
  const seen = new Set<unknown>([value])
  // a set that grows while it is gone through
  for (const part of seen) {
    if (part instanceof Tensor) found.push(part)
    else if (isPlain(part)) for (const inner of Object.values(part)) seen.add(inner)
  }
  return found
}

function isPlain(value: unknown): value is object {
  if (value === null || typeof value !== 'object') return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}
