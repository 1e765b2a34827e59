import { expectOptions, expectTensor } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'
import type { Input } from './options.ts'

/** The tensors of a module's inputs, in the order of their names; one input may come as it is. */
export function inputTensors(who: string, names: readonly string[], input: Input, runtime: Runtime): Tensor[] {
  if (names.length === 1 && (input instanceof Tensor || !Object.hasOwn(Object(input), names[0]!))) {
    return [expectTensor(who, 'input', input, runtime)]
  }
  expectOptions(`${who}: input`, input, names)
  return names.map((name) => expectTensor(who, `input '${name}'`, (input as Record<string, Tensor>)[name], runtime))
}
