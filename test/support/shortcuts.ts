/** Nets with shortcuts, drawn, with what a call of them reads. */
import type { Runtime } from '../../bindings/index.ts'
import type { NetOptions } from '../reference/shortcuts.ts'
import { drawParameters } from './nets.ts'
import { drawGiven, makeNet } from './unrolling.ts'

/** Input columns. */
export const I = 3

export const net = (kind: NetOptions['kind'], more: Partial<NetOptions> = {}): NetOptions => ({
  kind,
  inputSize: I,
  hiddenSize: 4,
  numLayers: 2,
  ...more,
})

const both = { residual: true, layerResidual: true }

/** Every kind, with one sort of shortcut and with several. */
export const NETS: NetOptions[] = [
  net('RNN', { residual: true, nonlinearity: 'relu' }),
  net('RNN', { skips: [2], nonlinearity: 'identity' }),
  net('RNN', { ...both, skips: [5, 2, 3], numLayers: 3 }),
  net('LSTM', { layerResidual: true }),
  net('LSTM', { skips: [2, 4] }),
  net('LSTM', { ...both, projSize: 2 }),
  net('LSTM', { ...both, projSize: 3, skips: [9] }),
  net('GRU', { residual: true }),
  net('GRU', { ...both, skips: [3] }),
  net('GRU', { resetAfter: false, layerResidual: true, skips: [2, 6] }),
]

/** The net with drawn parameters, and what a call of it reads. */
export function prepare(
  rt: Runtime,
  options: NetOptions,
  T: number,
  B: number,
  more: { batchFirst?: boolean; past?: boolean } = {},
) {
  const module = makeNet(rt, options, { batchFirst: more.batchFirst ?? false })
  drawParameters(module, 5, 0.4)
  return { module, given: drawGiven(module, T, B, I, more.past) }
}
