/** Nets of the same size whose gradients flow differently. */
import { GRU, LSTM, type Module, RNN, Recurrent, type Runtime, init, orthogonalRnnCell } from 'retrograd'

export const SIZES = { inputSize: 4, hiddenSize: 32 }

/** By name; each gets a runtime of its own, so that draws do not depend on the others. */
export const NETS: Readonly<Record<string, (rt: Runtime) => Module>> = {
  'tanh RNN': (rt) => new RNN(rt, SIZES),
  'tanh RNN, weights x 2.5': (rt) => scaled(new RNN(rt, SIZES), 2.5),
  'linear RNN, weights x 2': (rt) => scaled(new RNN(rt, { ...SIZES, nonlinearity: 'identity' }), 2),
  'RNN with skips 4 and 16': (rt) => new RNN(rt, { ...SIZES, skips: [4, 16] }),
  'orthogonal RNN': (rt) => {
    const sizes = { I: SIZES.inputSize, H: SIZES.hiddenSize }
    return new Recurrent(rt, { cell: orthogonalRnnCell({ nonlinearity: 'identity', bias: true }), sizes })
  },
  LSTM: (rt) => new LSTM(rt, SIZES),
  'LSTM, forget bias 3': (rt) => {
    const net = new LSTM(rt, SIZES)
    init.forgetBias(net, 3)
    return net
  },
  GRU: (rt) => new GRU(rt, SIZES),
}

function scaled(net: RNN, factor: number): RNN {
  for (const { name, value } of net.parameters()) {
    if (name === 'weight_hh_l0') value.data.set(value.data.map((weight) => weight * factor))
  }
  return net
}
