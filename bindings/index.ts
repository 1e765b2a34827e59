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
export type { Lengths } from './module/lengths.ts'
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
export type { Loss, LossFunction, LossOptions } from './training/losses/loss.ts'
export { type BceOptions, bceWithLogitsLoss } from './training/losses/bce-with-logits.ts'
export { type CrossEntropyOptions, crossEntropyLoss } from './training/losses/cross-entropy.ts'
export { huberLoss } from './training/losses/huber.ts'
export { mseLoss } from './training/losses/mse.ts'
export { SGD, type SGDOptions } from './training/optimizers/sgd.ts'
export { RMSprop, type RMSpropOptions } from './training/optimizers/rmsprop.ts'
export { Adam, AdamW, type AdamOptions } from './training/optimizers/adam.ts'
export { clipGradNorm, clipGradValue } from './training/optimizers/clip.ts'
export type { FitBatches, FitData, FitSource } from './training/data/fit-data.ts'
export { type EvaluateOptions, type Evaluation, evaluate } from './training/evaluate.ts'
export { predict } from './training/predict.ts'
export { type CheckpointParts, readCheckpoint, writeCheckpoint } from './training/checkpoint.ts'
export { saveFile } from './training/save-file.ts'
export type { MetricName, Metrics, Tally } from './training/metrics.ts'
export type { StoppingState } from './training/early-stopping.ts'
export type { FitOptions, FitPosition, FitProgress, FitResult } from './training/fit-options.ts'
export { fit } from './training/fit.ts'
export { Schedule } from './training/optimizers/schedules/schedule.ts'
export { CosineAnnealingLR } from './training/optimizers/schedules/cosine-annealing-lr.ts'
export { LinearLR } from './training/optimizers/schedules/linear-lr.ts'
export { type PlateauOptions, ReduceLROnPlateau } from './training/optimizers/schedules/reduce-lr-on-plateau.ts'
export { StepLR } from './training/optimizers/schedules/step-lr.ts'
export { type EmaOptions, ExponentialMovingAverage } from './training/optimizers/ema.ts'
