/** Calls that are refused, and a net that no refused call may change. */
import type { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LSTM, LastStep, Linear, RetrogradError, type Runtime, Sequential, type Tensor } from '../../bindings/index.ts'
import { drawTensor, numbers } from './nets.ts'

/** What is done, the error's code, and what its message must say. */
export type Refusal = [title: string, call: () => unknown, code: string, message: RegExp]

/** What the types would not let through. */
export const any = (value: unknown) => value as never

/** A net, its first module, and an input that it takes. */
export interface Bystander {
  readonly lstm: LSTM
  readonly net: Sequential
  readonly x: Tensor
}

export function makeBystander(rt: Runtime): Bystander {
  const lstm = new LSTM(rt, { inputSize: 4, hiddenSize: 3 })
  const net = new Sequential(rt, [lstm, new LastStep(rt), new Linear(rt, { inFeatures: 3, outFeatures: 2 })])
  return { lstm, net, x: drawTensor(rt, 1, 'x', [5, 2, 4]) }
}

/** One test per refusal: the error is as said, and the net is and gives what it was and gave. */
export function testRefusals(
  test: ReturnType<typeof suite>,
  { net, x }: Pick<Bystander, 'net' | 'x'>,
  refusals: readonly Refusal[],
): void {
  for (const [name, call, code, message] of refusals) {
    test(name, async () => {
      const before = net.parameters().map(({ value }) => numbers(value))
      const output = numbers(net.forward(x).output as Tensor)
      let error: unknown
      try {
        await call()
      } catch (thrown) {
        error = thrown
      }
      assert.ok(error instanceof RetrogradError, `threw ${error}`)
      assert.is(error.code, code, error.message)
      assert.match(error.message, message)
      assert.equal(
        net.parameters().map(({ value }) => numbers(value)),
        before,
      )
      assert.equal(numbers(net.forward(x).output as Tensor), output)
    })
  }
}

/** Throws unless `action` is refused with this code, and with each of these in the message. */
export function expectError(code: string, wanted: readonly (string | RegExp)[], action: () => unknown): void {
  try {
    action()
  } catch (error) {
    const { code: found, message } = error as RetrogradError
    assert.is(found, code, message)
    for (const part of wanted) assert.match(message, part)
    return
  }
  assert.unreachable(`expected an error: ${wanted.join(' ')}`)
}

/** The error that refuses `action`. */
export function refusal(action: () => unknown): RetrogradError {
  try {
    action()
  } catch (error) {
    assert.ok(error instanceof RetrogradError, `threw ${error}`)
    return error
  }
  return assert.unreachable('expected a refusal') as never
}

/** The error of ours that a call ends in. */
export function refusalOf(run: () => unknown): RetrogradError {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof RetrogradError, String(error))
    return error as RetrogradError
  }
  throw new Error('expected a refusal')
}

/** The error of ours that a promise ends in. */
export async function rejectionOf(promise: Promise<unknown>): Promise<RetrogradError> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof RetrogradError, String(error))
    return error as RetrogradError
  }
  throw new Error('expected a refusal')
}
