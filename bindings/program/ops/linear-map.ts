import type { Derivatives, Node, Value } from '../operation.ts'

/** The rules of a linear map of one input: the tangent applies it, the adjoint its transpose. */
export function linearMap(
  map: (x: Value, node: Node) => Value,
  transposed: (dY: Value, node: Node) => Value,
): Derivatives {
  return {
    adjoint: (node, [dY]) => [transposed(dY!, node)],
    tangent: (node, [dX]) => map(dX!, node),
  }
}
