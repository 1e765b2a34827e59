import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { spectralRadius } from '../../bindings/cli/spectral-radius.ts'
import { DEQ, GRU, LSTM, Linear, Sequential, createRuntime, init } from '../../bindings/index.ts'
import { writeSafetensors } from '../../bindings/io.ts'

const folder = mkdtempSync(join(tmpdir(), 'retrograd-cli-'))
const rt = await createRuntime({ dtype: 'float64', seed: 2 })

function cli(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const command = ['--import', 'tsx', new URL('../../bindings/cli.ts', import.meta.url).pathname, ...args]
  return spawnSync(process.execPath, command, { encoding: 'utf8' })
}

const test = suite('retrograd inspect')
test.after(() => rmSync(folder, { recursive: true }))

test('tells layers, gates and ranges of a model, as text and as JSON', () => {
  const net = new Sequential(rt, [
    new LSTM(rt, { inputSize: 3, hiddenSize: 8, bidirectional: true }),
    new GRU(rt, { inputSize: 16, hiddenSize: 5, skips: [3] }),
    new Linear(rt, { inFeatures: 5, outFeatures: 2 }),
  ])
  for (const { name, value } of net.parameters()) {
    if (name === '0.bias_ih_l0') value.data.fill(1, 8, 16)
    if (name === '0.bias_hh_l0') value.data.fill(0.5, 8, 16)
    if (name === '2.bias') value.data[0] = Number.NaN
  }
  const file = join(folder, 'model.safetensors')
  writeFileSync(file, writeSafetensors(net.stateDict(), { trained: 'never' }))
  const { status, stdout } = cli('inspect', file)
  assert.is(status, 0)
  for (const line of [
    /trained: never/,
    /0\.l0: LSTM 3 → 8; ρ\(W_hh\) i [\d.]+, f [\d.]+, g [\d.]+, o [\d.]+; mean bias i \S+, f 1\.50,/,
    /0\.l0 reverse: LSTM 3 → 8;/,
    /1\.l0: GRU 16 → 5; skips 3; ρ\(W_hh\) r [\d.]+/,
    /2\.bias +\[2\].* 1 not finite/,
  ])
    assert.match(stdout, line)
  const report = JSON.parse(cli('inspect', file, '--json').stdout)
  assert.is(report.layers.length, 3)
  assert.is(
    report.parameters,
    net.parameters().reduce((sum, { value }) => sum + value.size, 0),
  )
})

test('tells an equilibrium model by its one recurrent weight', () => {
  const net = new Sequential(rt, [
    new DEQ(rt, { inputSize: 3, hiddenSize: 6 }),
    new Linear(rt, { inFeatures: 6, outFeatures: 2 }),
  ])
  for (const { name, value } of net.parameters()) {
    if (name === '0.weight_hh') value.data.fill(0)
    if (name === '0.weight_hh') value.data[7] = -0.75
    if (name === '0.bias') value.data.fill(0.25)
  }
  const file = join(folder, 'equilibrium.safetensors')
  writeFileSync(file, writeSafetensors(net.stateDict()))
  assert.match(cli('inspect', file).stdout, /0\.z: DEQ 3 → 6; ρ\(W_hh\) z 0\.750; mean bias z 0\.250\n/)
})

test('refuses what it does not understand', () => {
  assert.is(cli().status, 2)
  assert.match(cli('inspect').stderr, /retrograd inspect <model\.safetensors>/)
  assert.is(cli('inspect', join(folder, 'none')).status, 2)
  const bad = join(folder, 'bad')
  writeFileSync(bad, 'not a model')
  const { status, stderr } = cli('inspect', bad)
  assert.is(status, 1)
  assert.match(stderr, /^retrograd: /)
})

test('the spectral radius is that of scaled orthogonal matrices and of complex pairs', () => {
  const value = rt.tensor(new Float64Array(144), [12, 12])
  init.orthogonal(value, { gain: 0.7 })
  // every vector grows by 0.7 in each step
  assert.ok(Math.abs(spectralRadius(Float64Array.from(value.data), 12) - 0.7) < 1e-12)
  // a rotation by 1 rad times 1.2, and 0.5: the part of the smaller one is (0.5 / 1.2)^448 of the whole
  const [c, s] = [1.2 * Math.cos(1), 1.2 * Math.sin(1)]
  assert.ok(Math.abs(spectralRadius(Float64Array.from([c, -s, 0, s, c, 0, 0, 0, 0.5]), 3) - 1.2) < 1e-12)
})
test.run()
