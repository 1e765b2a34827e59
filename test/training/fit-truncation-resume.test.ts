/** Where a run with truncation is, where it stops, and where it goes on. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type FitProgress, createRuntime, fit, mseLoss, readCheckpoint, writeCheckpoint } from '../../bindings/index.ts'
import { drawSeries, expectRejection, makeModel, optimizerOf, optionsOf } from '../support/series.ts'

const rt = await createRuntime({ variant: 'simd', seed: 3 })
const make = () => makeModel(rt)
const { input, target } = drawSeries(rt)

const resume = suite('fit with truncation')

resume('tells how far it is, and where it may go on', async () => {
  const model = make()
  const seen: FitProgress[] = []
  const options = { ...optionsOf(model), epochs: 2, batchSize: 2, truncation: { window: 10 } }
  await fit(model, { input, target }, { ...options, onProgress: (progress) => seen.push(progress) })
  assert.ok(seen.every(({ steps }) => steps === 12))
  assert.is(seen.at(-1)!.secondsLeft, 0)
  assert.equal(
    seen.slice(0, 7).map(({ position: { epoch, batch, block } }) => [epoch, batch, block]),
    [
      [0, 0, 1],
      [0, 0, 2],
      [0, 1, undefined],
      [0, 1, 1],
      [0, 1, 2],
      [1, 0, undefined],
      [1, 0, 1],
    ],
  )
})

for (const stopAt of [3, 6, 9]) {
  resume(`goes on between series to the bits of an uninterrupted run: after ${stopAt} of 12 blocks`, async () => {
    const whole = make()
    const options = { loss: mseLoss, epochs: 2, batchSize: 2, truncation: { window: 20, stride: 10 } }
    await fit(whole, { input, target }, { ...options, optimizer: optimizerOf(whole) })
    const [first, second] = [make(), make()]
    const optimizer = optimizerOf(first)
    let bytes = new Uint8Array()
    const controller = new AbortController()
    await fit(first, { input, target }, {
      ...options,
      optimizer,
      signal: controller.signal,
      onProgress: ({ step, position }) => {
        if (step !== stopAt) return
        bytes = new Uint8Array(writeCheckpoint({ model: first, optimizer, position }))
        controller.abort()
      },
    }) // prettier-ignore
    const other = optimizerOf(second)
    const { position } = readCheckpoint(bytes, { model: second, optimizer: other })
    await fit(second, { input, target }, { ...options, optimizer: other, from: position })
    assert.equal(second.stateDict(), whole.stateDict())
  })
}

resume('stops in the middle of a series when aborted; a run cannot go on there', async () => {
  const model = make()
  const controller = new AbortController()
  const positions: FitProgress['position'][] = []
  const onProgress = ({ step, position }: FitProgress) => {
    positions.push(position)
    if (step === 2) controller.abort()
  }
  const options = { ...optionsOf(model), truncation: { window: 4 } }
  const result = await fit(model, { input, target }, { ...options, signal: controller.signal, onProgress })
  assert.equal([result.steps, result.loss.length], [2, 0])
  await expectRejection(
    fit(model, { input, target }, { ...options, from: positions[1]! }),
    'option',
    /^fit: from\.block is 2: the states in the middle of a series are lost; write checkpoints where/,
  )
  const { optimizer } = options
  const bytes = writeCheckpoint({ model, optimizer, position: positions[1]! })
  assert.is(readCheckpoint(bytes, { model, optimizer }).position.block, 2)
  await expectRejection(
    fit(model, { input, target }, { ...options, from: { epoch: 0, batch: 0, block: -1 } }),
    'option',
    /from\.block is -1/,
  )
})
resume.run()
