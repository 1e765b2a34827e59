/** `retrograd/inspect`: eyes to see gradients and states flow through time. Each takes (module, input, options). */
export {
  type BiasOptions,
  type TruncationBias,
  type WindowOptions,
  smallestWindow,
  truncationBias,
} from './inspect/bias.ts'
export { type GradientFlow, gradientFlow } from './inspect/flow.ts'
export { type GraphOptions, type UnrolledGraph, unrolledGraph } from './inspect/graph.ts'
export { type InstanceOptions, instanceGradients } from './inspect/instances.ts'
export { type JacobianOptions, type StepJacobian, jacobianProduct, stepJacobian } from './inspect/jacobian.ts'
export { type HopOptions, type LagOptions, gradientByHops, gradientByLag } from './inspect/lags.ts'
export { type LyapunovOptions, type LyapunovSpectrum, lyapunovSpectrum } from './inspect/lyapunov.ts'
export type { InspectOptions } from './inspect/options.ts'
export { type ResidualTraces, type TraceOptions, residualTraces } from './inspect/residuals.ts'
export { type Saturation, type SaturationOptions, type Shares, saturation } from './inspect/saturation.ts'
export type { GradientParts } from './inspect/sweeps.ts'
export type { Edge, Vertex } from './inspect/vertices.ts'
