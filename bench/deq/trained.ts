/** A problem as training makes it: a DEQ of 64 units that has learnt to read digits, on digits that it has not seen. */
import { Adam, DEQ, Linear, Sequential, createRuntime, crossEntropyLoss } from '../../bindings/index.ts'
import { CLASSES, type Digit, PIXELS, readDigits, splitAtRandom } from '../../examples/digits/data.ts'
import { random } from './matrices.ts'
import type { Problem } from './problems.ts'

const [SEED, BATCH, UNITS] = [3, 32, 64]
const RATE = 5e-3
const STEPS = { full: 600, quick: 30 }

/** Trained with the strict binary, whose bits are those of every machine. */
export async function makeTrained(quick: boolean): Promise<Problem> {
  const rt = await createRuntime({ seed: SEED, variant: 'simd' })
  const deq = new DEQ(rt, { inputSize: PIXELS, hiddenSize: UNITS, onFailure: 'accept' })
  const module = new Sequential(rt, [deq, new Linear(rt, { inFeatures: UNITS, outFeatures: CLASSES })])
  const optimizer = new Adam(module, { lr: RATE })
  const { train, test } = splitAtRandom(readDigits(), SEED)
  const input = rt.tensor(new Float32Array(BATCH * PIXELS), [BATCH, PIXELS])
  const labels = rt.indices(new Int32Array(BATCH), [BATCH])
  const steps = quick ? STEPS.quick : STEPS.full
  for (let step = 0; step < steps; step++) {
    const digits = Array.from({ length: BATCH }, (_, i) => train[(step * BATCH + i) % train.length]!)
    input.data.set(pixelsOf(digits))
    labels.data.set(digits.map(({ label }) => label))
    const { grad } = crossEntropyLoss(module.forward(input).output, labels)
    module.zeroGrad()
    module.backward({ output: grad }, { inputGradient: false })
    optimizer.step()
  }
  const values = new Map(deq.parameters().map(({ name, value }) => [name, [...value.data]]))
  rt.dispose()
  return {
    name: 'trained',
    what: `a classifier of digits after ${steps} steps of Adam`,
    nonlinearity: 'tanh',
    B: BATCH,
    I: PIXELS,
    n: UNITS,
    W: values.get('weight_hh')!,
    U: values.get('weight_ih')!,
    b: values.get('bias')!,
    u: pixelsOf(test.slice(0, BATCH)),
    g: [...random('trained g', BATCH * UNITS)],
  }
}

const pixelsOf = (digits: readonly Digit[]): number[] => digits.flatMap(({ pixels }) => [...pixels])
