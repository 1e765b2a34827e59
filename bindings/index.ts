/** retrograd: recurrent nets and equilibrium models, unrolled in WebAssembly. */
export { type ErrorCode, RetrogradError } from './runtime/errors.ts'
export { type Dtype, type Runtime, type RuntimeOptions, createRuntime } from './runtime/runtime.ts'
export type { Tensor } from './runtime/tensor.ts'
export { type Cell, type Initial, type Size, defineCell } from './program/trace.ts'
export type { Value } from './program/graph.ts'
export type {
  BackwardOptions,
  ForwardOptions,
  ForwardResult,
  Input,
  InputGradients,
  OutputGradients,
} from './module/options.ts'
export { Module } from './module/module.ts'
export type { State } from './module/state.ts'
export type { Checkpointing } from './module/checkpointing.ts'
export type { Parameter, StateDict } from './module/parameters.ts'
export { cloneModule } from './module/clone.ts'
export { type ModuleDescription, describe } from './module/describe.ts'
export { summary } from './module/summary.ts'
export type { Tape } from './module/tape.ts'
export type { Truncation } from './module/truncation.ts'
export { RNN, type RNNOptions } from './nn/rnn.ts'
export { LSTM, type LSTMOptions } from './nn/lstm.ts'
export { GRU, type GRUOptions } from './nn/gru.ts'
export type { ActivationName } from './cells/activations.ts'
export { type AntisymmetricRnnOptions, antisymmetricRnnCell } from './cells/antisymmetric-rnn.ts'
export { type DiagonalRnnOptions, diagonalRnnCell } from './cells/diagonal-rnn.ts'
export { type IndRnnOptions, indRnnCell } from './cells/ind-rnn.ts'
export { type MinGruOptions, minGruCell } from './cells/min-gru.ts'
export { type OrthogonalRnnOptions, orthogonalRnnCell } from './cells/orthogonal-rnn.ts'
export { Activation, type ActivationOptions } from './nn/activation.ts'
export { Dropout, type DropoutOptions } from './nn/dropout.ts'
export { Embedding, type EmbeddingOptions } from './nn/embedding.ts'
export { PositionalEmbedding, type PositionalEmbeddingOptions } from './nn/positional-embedding.ts'
export { Residual } from './nn/residual.ts'
export { LayerNorm, type LayerNormOptions } from './nn/layer-norm.ts'
export { type GainOptions, type KaimingOptions, init } from './nn/init.ts'
export { Linear, type LinearOptions } from './nn/linear.ts'
export { LastStep, type LastStepOptions } from './nn/last-step.ts'
export { Recurrent, type RecurrentModuleOptions } from './nn/recurrent.ts'
export { Sequential } from './nn/sequential.ts'
export { DEQ, type DEQForwardResult, type DEQInfo, type DEQInputGradients } from './equilibrium/deq.ts'
export type { CellOptions, DEQOptions, EquilibriumOptions } from './equilibrium/options.ts'
export type { Outcome, PerSample, SolveInfo } from './equilibrium/info.ts'
export type {
  AdjointName,
  AdjointOptions,
  OnFailure,
  ResidualMode,
  SolverName,
  SolverOptions,
} from './equilibrium/settings.ts'
export {
  type BceOptions,
  type CrossEntropyOptions,
  type Loss,
  type LossOptions,
  bceWithLogitsLoss,
  crossEntropyLoss,
  huberLoss,
  mseLoss,
} from './training/losses.ts'
export { SGD, type SGDOptions } from './training/sgd.ts'
export { RMSprop, type RMSpropOptions } from './training/rmsprop.ts'
export { Adam, AdamW, type AdamOptions } from './training/adam.ts'
export { clipGradNorm, clipGradValue } from './training/clip.ts'
export type { Lengths } from './training/lengths.ts'
export type { FitData } from './training/batch.ts'
export type { FitBatches, FitSource } from './training/source.ts'
export { type EvaluateOptions, type Evaluation, type LossFunction, evaluate, predict } from './training/evaluate.ts'
export { type CheckpointParts, readCheckpoint, saveFile, writeCheckpoint } from './training/checkpoint.ts'
export type { MetricName, Metrics, Tally } from './training/metrics.ts'
export type { StoppingState } from './training/early-stopping.ts'
export type { FitOptions, FitPosition, FitProgress, FitResult } from './training/fit-options.ts'
export { fit } from './training/fit.ts'
export {
  CosineAnnealingLR,
  LinearLR,
  type PlateauOptions,
  ReduceLROnPlateau,
  Schedule,
  StepLR,
} from './training/schedules.ts'
export { type EmaOptions, ExponentialMovingAverage } from './training/ema.ts'
