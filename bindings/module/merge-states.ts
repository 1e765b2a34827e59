/** Several users' states as one, so that a step serves them all at once; and apart again. */
import { expectTensor, describeValue, fail, shapeText } from '../runtime/check.ts'
import { type Shape, Tensor, sizeOf } from '../runtime/tensor.ts'
import { type State, mapTensors, stateTensors } from './state.ts'

/**
 * One state of all samples of several, in their order: of Σ B samples. Copies, which belong to the caller; a step from there gives every
 * sample what it gets alone, to the bit in the `simd` variant.
 *
 * @param states of one form, and of one runtime
 * @throws RetrogradError 'shape' for states of other forms, or a count of steps (PositionalEmbedding's) that differs
 */
export function mergeStates<Kind extends State>(states: readonly Kind[]): Kind {
  if (!Array.isArray(states) || states.length === 0)
    fail('type', `mergeStates: states is ${describeValue(states)}; expected a list of at least one state`)
  const parts = states.map((state, i) => tensorsOf('mergeStates', `state ${i}`, state))
  const [first] = parts as [Map<string, Tensor>]
  for (const [i, part] of parts.entries()) expectAlike(i, part, first)
  const paths = [...first.keys()]
  let next = 0
  return mapTensors(states[0]!, () => {
    const path = paths[next++]!
    return joined(path, parts.map((part) => part.get(path)!)) // prettier-ignore
  }) as Kind
}

/**
 * The state of each sample, of one sample each. Copies, which belong to the caller.
 *
 * @throws RetrogradError 'shape' for a state that does not tell how many samples it is of
 */
export function splitState<Kind extends State>(state: Kind): Kind[] {
  const tensors = [...tensorsOf('splitState', 'state', state).values()]
  const sizes = new Set(tensors.filter(hasBatch).map(({ shape }) => shape[shape.length - 2]!))
  if (sizes.size !== 1) {
    const given = sizes.size === 0 ? 'no tensor [.., B, n]' : `batches of ${[...sizes].join(' and ')}`
    fail('shape', `splitState: state has ${given}; expected tensors of one batch`)
  }
  const [batch] = sizes as unknown as Iterable<number>
  return Array.from({ length: batch! }, (_, b) => mapTensors(state, (tensor) => sampleOf(tensor, b)) as Kind)
}

/** All states end in the axes of samples and of columns, but for a count of steps, [1]. */
const hasBatch = ({ shape }: Tensor): boolean => shape.length >= 2

function tensorsOf(who: string, name: string, state: State): Map<string, Tensor> {
  if (state === null || typeof state !== 'object')
    fail('type', `${who}: ${name} is ${describeValue(state)}; expected a state`)
  const tensors = new Map(stateTensors(state))
  if (tensors.size === 0) fail('type', `${who}: ${name} has no tensors; expected a state`)
  const { runtime } = Object([...tensors.values()].find((tensor) => tensor instanceof Tensor)) as Partial<Tensor>
  for (const [path, tensor] of tensors) expectTensor(who, `${name}.${path}`, tensor, runtime!)
  return tensors
}

function expectAlike(i: number, part: ReadonlyMap<string, Tensor>, first: ReadonlyMap<string, Tensor>): void {
  const who = `mergeStates: state ${i}`
  if ([...part.keys()].join() !== [...first.keys()].join())
    fail(
      'shape',
      `${who} has ${[...part.keys()].join(', ')}; expected ${[...first.keys()].join(', ')} as the first one`,
    )
  for (const [path, { shape, runtime }] of part) {
    const like = first.get(path)!
    if (runtime !== like.runtime) fail('runtime', `${who} belongs to another runtime than the first one`)
    const expected = hasBatch(like) ? like.shape.with(-2, shape.at(-2) ?? 0) : like.shape
    if (shapeText(shape) !== shapeText(expected))
      fail('shape', `${who}: ${path} is ${shapeText(shape)}; the first one's is ${shapeText(like.shape)}`)
  }
}

function joined(path: string, tensors: readonly Tensor[]): Tensor {
  const [{ runtime, shape }] = tensors as [Tensor]
  if (shape.length < 2) return shared(path, tensors)
  const batch = tensors.reduce((sum, tensor) => sum + tensor.shape.at(-2)!, 0)
  const all = runtime.ownTensor(shape.with(-2, batch))
  let before = 0
  for (const tensor of tensors) {
    copySamples(tensor, 0, all, before, tensor.shape.at(-2)!)
    before += tensor.shape.at(-2)!
  }
  return all
}

/** What samples have in common. */
function shared(path: string, tensors: readonly Tensor[]): Tensor {
  const [first] = tensors as [Tensor]
  const other = tensors.find(({ data }) => data[0] !== first.data[0])
  if (other)
    fail(
      'shape',
      `mergeStates: ${path} is ${first.data[0]} in the first state and ${other.data[0]} in another; expected one number`,
    )
  return first.clone()
}

function sampleOf(tensor: Tensor, b: number): Tensor {
  if (!hasBatch(tensor)) return tensor.clone()
  const sample = tensor.runtime.ownTensor(tensor.shape.with(-2, 1))
  copySamples(tensor, b, sample, 0, 1)
  return sample
}

function copySamples(from: Tensor, at: number, to: Tensor, place: number, count: number): void {
  const { core, elementBytes } = from.runtime
  const row = from.shape.at(-1)! * elementBytes
  const outer = (shape: Shape) => sizeOf(shape.slice(0, -2))
  const [own, all] = [from.shape.at(-2)! * row, to.shape.at(-2)! * row]
  core.copyRows(outer(from.shape), count * row, from.address + at * row, own, to.address + place * row, all)
}
