// Saves one checkpoint after another over the same file until it is killed: argv[2] is the path.
import { Adam, GRU, createRuntime, saveFile, writeCheckpoint } from 'retrograd'

const rt = await createRuntime({ seed: 1, variant: 'simd' })
const model = new GRU(rt, { inputSize: 64, hiddenSize: 128 })
const optimizer = new Adam(model)
for (let epoch = 1; ; epoch++) {
  await saveFile(process.argv[2], writeCheckpoint({ model, optimizer, position: { epoch, batch: 0 } }))
  if (epoch === 1) process.stdout.write('saved\n')
}
