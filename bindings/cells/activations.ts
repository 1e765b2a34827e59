import { relu, scale, shift, sigmoid, softplus, sub, tanh } from '../program/ops/index.ts'
import { copy } from '../program/ops/elementwise.ts'
import type { Value } from '../program/operation.ts'

/** min(1, max(0, x)). */
const clampUnit = (x: Value): Value => sub(relu(x), relu(shift(x, -1)))

/** Activations by name. Hard sigmoid is published in two forms: slope 1/6 (PyTorch, Keras 3), slope 0.2 (Keras 2, tfjs, ONNX). */
export const ACTIVATIONS = {
  tanh,
  sigmoid,
  relu,
  softplus,
  identity: copy,
  hardSigmoid: (x: Value): Value => clampUnit(shift(scale(x, 1 / 6), 0.5)),
  hardSigmoidKeras2: (x: Value): Value => clampUnit(shift(scale(x, 0.2), 0.5)),
}

export type ActivationName = keyof typeof ACTIVATIONS
