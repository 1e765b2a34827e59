import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  Dropout,
  GRU,
  LSTM,
  Linear,
  ReduceLROnPlateau,
  SGD,
  Sequential,
  StepLR,
  createRuntime,
  fit,
  mseLoss,
  readCheckpoint,
  saveFile,
  writeCheckpoint,
} from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const EPOCHS = 4
const KILLS = 50

/** A net with every kind of random state, made anew as a fresh process would. */
async function make() {
  const rt = await createRuntime({ variant: 'simd', seed: 3 })
  const model = new Sequential(rt, [
    new LSTM(rt, { inputSize: 2, hiddenSize: 5, numLayers: 2, dropout: 0.3 }),
    new Dropout(rt, { p: 0.2 }),
    new Linear(rt, { inFeatures: 5, outFeatures: 1 }),
  ])
  const optimizer = new Adam(model, { lr: 0.02 })
  const schedule = new StepLR(optimizer, { stepSize: 1, gamma: 0.7 })
  const data = { input: drawTensor(rt, 1, 'x', [6, 10, 2]), target: drawTensor(rt, 2, 'y', [6, 10, 1]) }
  return { model, optimizer, schedule, data }
}

const weights = ({ model }: Awaited<ReturnType<typeof make>>) =>
  model.parameters().flatMap(({ value }) => numbers(value))

const resume = suite('a checkpoint')

for (const stopAt of [1, 3, 5, 7]) {
  resume(`after ${stopAt} of 12 batches resumes to the bits of an uninterrupted run`, async () => {
    const whole = await make()
    const options = { loss: mseLoss, epochs: EPOCHS, batchSize: 4, clip: { norm: 1 } }
    await fit(whole.model, whole.data, { ...options, optimizer: whole.optimizer, schedule: whole.schedule })

    const first = await make()
    let bytes = new Uint8Array()
    const controller = new AbortController()
    await fit(first.model, first.data, {
      ...options,
      optimizer: first.optimizer,
      schedule: first.schedule,
      signal: controller.signal,
      onProgress: ({ step, position }) => {
        if (step !== stopAt) return
        bytes = new Uint8Array(writeCheckpoint({ ...without(first), position }))
        controller.abort()
      },
    })

    const second = await make()
    const { position } = readCheckpoint(bytes, without(second))
    await fit(second.model, second.data, {
      ...options,
      optimizer: second.optimizer,
      schedule: second.schedule,
      from: position,
    })
    assert.equal(weights(second), weights(whole))
    assert.is(second.optimizer.lr, whole.optimizer.lr)
  })
}

/** A run whose validation loss is smallest after a few epochs. */
async function makeStopping() {
  const rt = await createRuntime({ variant: 'simd', seed: 3 })
  const model = new Sequential(rt, [
    new GRU(rt, { inputSize: 2, hiddenSize: 4 }),
    new Dropout(rt, { p: 0.1 }),
    new Linear(rt, { inFeatures: 4, outFeatures: 1 }),
  ])
  const optimizer = new SGD(model, { lr: 0.1, momentum: 0.9 })
  const schedule = new ReduceLROnPlateau(optimizer, { patience: 3, factor: 0.9 })
  const samples = (seed: number) => ({
    input: drawTensor(rt, seed, 'x', [6, 10, 2]),
    target: drawTensor(rt, seed + 1, 'y', [6, 10, 1]),
  })
  return { model, optimizer, schedule, data: samples(1), validation: samples(3) }
}

resume('with early stopping stops at the same epoch, with the same best weights, wherever it was written', async () => {
  const PATIENCE = 4
  const whole = await makeStopping()
  const files: Uint8Array[] = []
  const settings = { loss: mseLoss, epochs: 200, batchSize: 5, patience: PATIENCE }
  const run = ({ optimizer, schedule, validation }: typeof whole) => ({ ...settings, optimizer, schedule, validation })
  const result = await fit(whole.model, whole.data, {
    ...run(whole),
    onProgress: ({ position }) => {
      const { model, optimizer, schedule } = whole
      files.push(writeCheckpoint({ model, optimizer, schedule, position }))
    },
  })
  const losses = result.validation!
  const best = losses.indexOf(Math.min(...losses))
  assert.is(losses.length, best + 1 + PATIENCE)
  assert.ok(best > 0 && losses.length < 200, `best ${best} of ${losses.length}`)
  for (const [i, file] of files.entries()) {
    const again = await makeStopping()
    const { model, optimizer, schedule } = again
    const { position } = readCheckpoint(file, { model, optimizer, schedule })
    const rest = await fit(model, again.data, { ...run(again), from: position })
    assert.equal(rest.validation, losses.slice(Math.floor((i + 1) / 2)), `after ${i + 1} batches`)
    assert.equal(rest.loss, result.loss.slice(Math.floor((i + 1) / 2)), `after ${i + 1} batches`)
    assert.equal(model.stateDict(), whole.model.stateDict(), `after ${i + 1} batches`)
    assert.is(optimizer.lr, whole.optimizer.lr)
  }
})

resume('of a plateau that has not stepped yet, its best still infinite', async () => {
  const { model, optimizer, schedule } = await makeStopping()
  const fresh = schedule.stateDict()
  const bytes = writeCheckpoint({ model, optimizer, schedule })
  schedule.step(1)
  assert.is(schedule.stateDict()['best'], 1)
  readCheckpoint(bytes, { model, optimizer, schedule })
  assert.equal(schedule.stateDict(), fresh)
})

resume('carries metrics over the middle of an epoch', async () => {
  const options = { loss: mseLoss, batchSize: 4, metrics: ['mae'] as const }
  const whole = await make()
  const files: Uint8Array[] = []
  const { metrics, loss } = await fit(whole.model, whole.data, {
    ...options,
    optimizer: whole.optimizer,
    onProgress: ({ position }) => files.push(writeCheckpoint({ ...without(whole), position })),
  })
  const again = await make()
  const { position } = readCheckpoint(files[1]!, without(again))
  const rest = await fit(again.model, again.data, { ...options, optimizer: again.optimizer, from: position })
  assert.equal([rest.metrics, rest.loss], [metrics, loss])
})

resume("of another model's best weights is refused, and nothing changes", async () => {
  const run = await makeStopping()
  const { model, optimizer, schedule } = run
  const best = { epoch: 1, loss: 1, weights: { '0.weight': { shape: [1], data: new Float32Array(1) } } }
  const position = { epoch: 2, batch: 0, stopping: { waited: 1, best } }
  const before = model.stateDict()
  assert.throws(
    () => writeCheckpoint({ model, optimizer, schedule, position }),
    /^writeCheckpoint: position\.stopping\.best\.weights: names do not match; missing: 0\.weight_ih_l0/,
  )
  const options = { loss: mseLoss, optimizer, validation: run.validation, patience: 3, epochs: 4, from: position }
  let error: unknown
  await fit(model, run.data, options).catch((thrown: unknown) => (error = thrown))
  assert.match(String(error), /fit: from\.stopping\.best\.weights: names do not match/)
  assert.equal(model.stateDict(), before)
})

/** What a checkpoint takes of a run: not its data. */
function without({ model, optimizer, schedule }: Awaited<ReturnType<typeof make>>) {
  return { model, optimizer, schedule }
}

resume('of another model, optimiser or seed is refused, and nothing changes', async () => {
  const run = await make()
  const bytes = writeCheckpoint(without(run))
  const rt = await createRuntime({ variant: 'simd', seed: 3 })
  const gru = new GRU(rt, { inputSize: 2, hiddenSize: 5 })
  assert.throws(
    () => readCheckpoint(bytes, { model: gru, optimizer: new Adam(gru) }),
    /the file is of 4 modules; the model has 1/,
  )
  const other = await make()
  const before = weights(other)
  assert.throws(
    () => readCheckpoint(bytes, { model: other.model, optimizer: new SGD(other.model) }),
    /readCheckpoint: optimizer: names do not match; unknown: mean\.0\.weight_ih_l0/,
  )
  assert.equal(weights(other), before)
  const seeded = await createRuntime({ variant: 'simd', seed: 4 })
  const net = new GRU(seeded, { inputSize: 2, hiddenSize: 5 })
  assert.throws(() => readCheckpoint(bytes, { model: net, optimizer: new Adam(net) }), /the run had seed 3/)
  assert.throws(() => readCheckpoint(bytes.slice(0, 100), without(other)), /readSafetensors|safetensors/i)
})
resume.run()

const killed = suite('a process killed while saving')
killed(`leaves the old or the new file, which loads (${KILLS} moments)`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'retrograd-'))
  try {
    const rt = await createRuntime({ variant: 'simd', seed: 1 })
    const model = new GRU(rt, { inputSize: 64, hiddenSize: 128 })
    const optimizer = new Adam(model)
    const path = join(folder, 'checkpoint.safetensors')
    let interrupted = 0
    for (let i = 0; i < KILLS; i++) {
      // moments spread over several saves: the golden ratio's multiples never repeat
      await killAfter(path, 40 * ((i * 0.618034) % 1))
      assert.ok(readCheckpoint(readFileSync(path), { model, optimizer }).position.epoch >= 1)
      const left = readdirSync(folder).filter((name) => name.endsWith('.tmp'))
      interrupted += left.length
      for (const name of left) rmSync(join(folder, name))
    }
    assert.ok(interrupted > 0, 'some were killed in the middle of a save')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** Lets the child save once, waits so many milliseconds more, and kills it. */
function killAfter(path: string, milliseconds: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [
      fileURLToPath(new URL('../children/save-forever.mjs', import.meta.url)),
      path,
    ])
    let said = ''
    child.stderr.on('data', (text) => (said += text))
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), milliseconds))
    child.on('close', (_code, signal) => (signal === 'SIGKILL' ? resolve() : reject(new Error(said))))
  })
}

killed('or a save that fails leaves the old file and no other', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'retrograd-'))
  try {
    const path = join(folder, 'file')
    await saveFile(path, new Uint8Array([1, 2, 3]))
    let error: unknown
    await saveFile(join(folder, 'missing', 'file'), new Uint8Array(1)).catch((thrown: unknown) => (error = thrown))
    assert.ok(error)
    assert.equal(readdirSync(folder), ['file'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
killed.run()
