import { Adam, GRU, Linear, Sequential, createRuntime, fit, mseLoss } from 'retrograd'

const rt = await createRuntime({ seed: 1 })
const model = new Sequential(rt, [
  new GRU(rt, { inputSize: 1, hiddenSize: 16 }),
  new Linear(rt, { inFeatures: 16, outFeatures: 1 }),
])

// predict the next value of 24 sine waves: [T, B, 1], time first
const [T, B] = [50, 24]
const wave = (t: number, b: number) => Math.sin(0.2 * t + b)
const values = (shift: number) => Array.from({ length: T * B }, (_, i) => wave(Math.floor(i / B) + shift, i % B))
const data = { input: rt.tensor(values(0), [T, B, 1]), target: rt.tensor(values(1), [T, B, 1]) }

const { loss } = await fit(model, data, {
  loss: mseLoss,
  optimizer: new Adam(model, { lr: 0.02 }),
  epochs: 60,
  batchSize: 8,
})
console.log(`loss ${loss[0]!.toFixed(4)} → ${loss.at(-1)!.toFixed(5)}`)

// stream one wave, a value at a time, the state carried along; a model with dropout would go on drawing without eval()
model.eval()
const state = model.initialState(1)!
for (let t = 0; t < 5; t++) console.log(wave(t + 1, 0), model.step([wave(t, 0)], state).output.data[0])
