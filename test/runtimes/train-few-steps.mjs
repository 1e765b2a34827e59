/**
 * The small program that every runtime executes (scripts/test-runtimes.mjs): a GRU, an LSTM of two directions and an equilibrium
 * model learn to continue sine waves of different lengths, from checkpoints in time.
 * It takes the package as an argument and nothing from its host, so that it can run anywhere.
 */
const STEPS = 20
const T = 200 // several chunks of steps
const B = 3
const LENGTHS = [200, 131, 17]
const COS = 0.955336489125606 // of 0.3 rad: a fixed rotation makes the sine, since hosts' Math.sin differ in bits
const SIN = 0.2955202066613396

/**
 * @param retrograd the package's namespace
 * @returns what the runs in two runtimes must agree on, to the bit, and which variant `auto` takes here
 * @throws if the loss does not fall
 */
export async function trainFewSteps(retrograd) {
  const single = await train(retrograd, { seed: 1, variant: 'simd' })
  const double = await train(retrograd, { seed: 1, dtype: 'float64' })
  const auto = await retrograd.createRuntime()
  const result = { ...single, float64: double.checksum, auto: auto.variant }
  auto.dispose()
  return result
}

async function train({ createRuntime, LSTM, GRU, DEQ, Linear, Sequential, Adam, mseLoss }, options) {
  const rt = await createRuntime(options)
  const model = new Sequential(rt, [
    new LSTM(rt, { inputSize: 1, hiddenSize: 3, bidirectional: true }),
    new GRU(rt, { inputSize: 6, hiddenSize: 9, skips: [2] }),
    new DEQ(rt, { inputSize: 9, hiddenSize: 5, spectralNorm: 0.95, jacobianPenalty: { weight: 0.01 } }),
    new Linear(rt, { inFeatures: 5, outFeatures: 1 }),
  ])
  const adam = new Adam(model, { lr: 0.02 })
  const input = rt.tensor(sines(0), [T, B, 1])
  const target = rt.tensor(sines(1), [T, B, 1])
  const mask = rt.tensor(
    Float64Array.from({ length: T * B }, (_, i) => Number(Math.floor(i / B) < LENGTHS[i % B])),
    [T, B],
  )
  const losses = []
  for (let step = 0; step < STEPS; step++) {
    const { output } = model.forward(input, { lengths: LENGTHS, checkpoint: 'sqrt' })
    const { value, grad } = mseLoss(output, target, { mask })
    losses.push(value)
    model.zeroGrad()
    model.backward({ output: grad }, { inputGradient: false })
    adam.step()
  }
  const result = {
    variant: rt.variant,
    firstLoss: losses[0],
    lastLoss: losses.at(-1),
    checksum: checksum(model),
  }
  rt.dispose()
  if (!(result.lastLoss < result.firstLoss / 2)) throw new Error(`the loss does not fall: ${losses.join(', ')}`)
  return result
}

/** B waves of T values, `shift` steps on; float64 arithmetic in a fixed order, so the same bits everywhere. */
function sines(shift) {
  let cosine = 1
  let sine = 0
  const wave = Array.from({ length: T + shift + 5 * B }, () => {
    const value = sine
    ;[cosine, sine] = [cosine * COS - sine * SIN, sine * COS + cosine * SIN]
    return value
  })
  return Float64Array.from({ length: T * B }, (_, i) => wave[Math.floor(i / B) + shift + 5 * (i % B)])
}

/** FNV-1a of all parameters' bytes, as 16 hexadecimal digits. */
function checksum(model) {
  let hash = 0xcbf29ce484222325n
  for (const { value } of model.parameters()) {
    const { buffer, byteOffset, byteLength } = value.data
    for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
    }
  }
  return hash.toString(16).padStart(16, '0')
}
