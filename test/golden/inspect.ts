/** What the instruments of retrograd/inspect see. */
import {
  DEQ,
  GRU,
  LSTM,
  type Module,
  RNN,
  Recurrent,
  type Runtime,
  type Tensor,
  diagonalRnnCell,
  orthogonalRnnCell,
} from '../../bindings/index.ts'
import {
  gradientByHops,
  gradientByLag,
  gradientFlow,
  instanceGradients,
  jacobianProduct,
  lyapunovSpectrum,
  residualTraces,
  saturation,
  smallestWindow,
  stepJacobian,
  truncationBias,
  unrolledGraph,
} from '../../bindings/inspect.ts'
import { drawParameters, drawTensor } from '../support/nets.ts'
import type { Findings } from './findings.ts'
import { type Program, programs } from './program.ts'
import { Run } from './run.ts'

const [T, B, I, H] = [20, 17, 3, 4]

interface Net {
  readonly make: (rt: Runtime) => Module
  readonly bothWays?: boolean
}

const sizes = { inputSize: I, hiddenSize: H }
const NETS: Readonly<Record<string, Net>> = {
  'RNN, relu, skips': { make: (rt) => new RNN(rt, { ...sizes, nonlinearity: 'relu', skips: [3] }) },
  LSTM: { make: (rt) => new LSTM(rt, sizes) },
  'LSTM, 2 layers, both ways': {
    make: (rt) => new LSTM(rt, { ...sizes, numLayers: 2, bidirectional: true }),
    bothWays: true,
  },
  'GRU, 2 layers, dropout': { make: (rt) => new GRU(rt, { ...sizes, numLayers: 2, dropout: 0.3 }) },
  'GRU, reset before, batch first': { make: (rt) => new GRU(rt, { ...sizes, resetAfter: false, batchFirst: true }) },
  'orthogonal RNN': { make: (rt) => new Recurrent(rt, { cell: orthogonalRnnCell(), sizes: { I, H } }) },
  'diagonal RNN': { make: (rt) => new Recurrent(rt, { cell: diagonalRnnCell(), sizes: { I, H } }) },
}

type Look = (run: Run, output: Tensor) => unknown

/** Looks that take the loss's gradient by the output, and lengths. */
const LOOKS: Readonly<Record<string, Look>> = {
  gradientFlow: (run, output) =>
    gradientFlow(run.net, run.input(), { output, state: run.state(), lengths: run.lengths }),
  instanceGradients: (run, output) => instanceGradients(run.net, run.input(), { output, lengths: run.lengths }),
  gradientByLag: (run, output) =>
    gradientByLag(run.net, run.input(), { output, parameter: first(run.net), maxLag: 4, lengths: run.lengths }),
  gradientByHops: (run, output) =>
    gradientByHops(run.net, run.input(), { output, parameter: first(run.net), maxHops: 3, state: run.state() }),
  saturation: (run) => saturation(run.net, run.input(), { state: run.state(), lengths: run.lengths }),
}

/** Looks at modules that know no future. */
const CAUSAL: Readonly<Record<string, Look>> = {
  truncationBias: (run, output) => truncationBias(run.net, run.input(), { output, window: 7, stride: 3 }),
  smallestWindow: (run, output) => smallestWindow(run.net, run.input(), { output, bias: 0.05, stride: 2 }),
  stepJacobian: (run) => stepJacobian(run.net, run.input(), { step: 5, state: run.state() }),
  jacobianProduct: (run) => jacobianProduct(run.net, run.input(), { from: 3, to: 8 }),
  lyapunovSpectrum: (run) => [1, 4].map((every) => lyapunovSpectrum(run.net, run.input(), { every, count: 3 })),
}

const first = (net: Module): string => net.parameters()[0]!.name

/** The parameter's own gradients stay as they were. */
function looked(look: Look, { make }: Net, rt: Runtime, found: Findings): void {
  const net = make(rt)
  const run = new Run(net, found, { T, B, columns: I })
  const { shape } = net.forward(run.input(), { tape: false }).output
  found.take('seen', look(run, drawTensor(rt, 3, 'd', shape)))
}

/** Residuals of a solve, and the graph that is drawn, as data. */
const OTHERS: Readonly<Record<string, Program['run']>> = {
  residualTraces: (rt, found) => {
    const net = new DEQ(rt, { inputSize: I, hiddenSize: H, onFailure: 'accept', solver: 'anderson' })
    drawParameters(net, 4, 0.7)
    found.take('traces', residualTraces(net.forward(drawTensor(rt, 1, 'x', [T, B, I])).info).traces)
  },
  unrolledGraph: (rt, found) => {
    for (const [name, { make, bothWays }] of Object.entries(NETS)) {
      const truncation = { window: 3, stride: 2 }
      const { vertices, edges } = unrolledGraph(make(rt), undefined, { steps: 5, ...(!bothWays && { truncation }) })
      found.take(name, { vertices, edges })
    }
  },
}

export const inspect: readonly Program[] = [
  ...Object.entries(NETS).flatMap(([name, net]) =>
    Object.entries({ ...LOOKS, ...(net.bothWays ? {} : CAUSAL) }).map(([what, look]): Program => {
      return { name: `inspect ${name}: ${what}`, run: (rt, found) => looked(look, net, rt, found) }
    }),
  ),
  ...programs('inspect', OTHERS),
]
