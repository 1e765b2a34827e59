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
  SGD,
  Sequential,
  StepLR,
  createRuntime,
  fit,
  mseLoss,
  readCheckpoint,
  saveFile,
  writeCheckpoint,
} from '../bindings/index.ts'
import { drawTensor, numbers } from './support/nets.ts'

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
    /SGD\.loadStateDict/,
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
    const child = spawn(process.execPath, [fileURLToPath(new URL('children/save-forever.mjs', import.meta.url)), path])
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
