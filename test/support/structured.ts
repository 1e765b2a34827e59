/** The structured cells as nets, for tests that every net passes. */
import {
  type Cell,
  Recurrent,
  type Runtime,
  antisymmetricRnnCell,
  diagonalRnnCell,
  indRnnCell,
  minGruCell,
  orthogonalRnnCell,
} from '../../bindings/index.ts'

export const STRUCTURED: Readonly<Record<string, Cell>> = {
  'orthogonal RNN': orthogonalRnnCell(),
  'orthogonal RNN, identity, no bias': orthogonalRnnCell({ nonlinearity: 'identity', bias: false }),
  IndRNN: indRnnCell({ nonlinearity: 'tanh' }),
  'IndRNN, relu': indRnnCell(),
  AntisymmetricRNN: antisymmetricRnnCell({ epsilon: 0.3, gamma: 0.2 }),
  'AntisymmetricRNN, gated': antisymmetricRnnCell({ epsilon: 0.3, gamma: 0.2, gated: true }),
  minGRU: minGruCell(),
  'diagonal RNN': diagonalRnnCell(),
}

export const structured = (runtime: Runtime, cell: Cell, I: number, H: number): Recurrent =>
  new Recurrent(runtime, { cell, sizes: { I, H } })
