/** What looks into a model. */
import * as inspect from '../../../bindings/inspect.ts'
import type { World } from '../world.ts'
import { type Entry, call, entry } from './entry.ts'

const output = ({ dOutput }: World) => ({ output: dOutput })
const OPTIONS: Record<keyof typeof inspect, (world: World) => unknown[]> = {
  gradientFlow: (world) => [{ ...output(world), lengths: [4, 2, 1] }],
  instanceGradients: (world) => [{ ...output(world), parameter: 'weight_hh_l0' }],
  gradientByLag: (world) => [{ ...output(world), parameter: 'weight_hh_l0', maxLag: 2 }],
  gradientByHops: (world) => [{ ...output(world), parameter: 'weight_hh_l0', maxHops: 2 }],
  truncationBias: (world) => [{ ...output(world), window: 2, stride: 1 }],
  smallestWindow: (world) => [{ ...output(world), bias: 0.5, stride: 1 }],
  stepJacobian: () => [{ step: 1 }],
  jacobianProduct: () => [{ from: 1, to: 3 }],
  lyapunovSpectrum: () => [{ count: 2, every: 1 }],
  saturation: () => [{ margin: 0.1 }],
  unrolledGraph: () => [{ steps: 3, truncation: { window: 2 } }],
  residualTraces: () => [],
}

export const INSPECTION: readonly Entry[] = (Object.keys(OPTIONS) as (keyof typeof inspect)[]).map((name) =>
  entry(
    `inspect.${name}`,
    (world) =>
      name === 'residualTraces'
        ? [world.deq.forward(world.x).info, { title: 'x', tol: 1e-4 }]
        : [world.gru, world.x, ...OPTIONS[name](world)],
    (_, args) => call(inspect, name, args),
    name === 'unrolledGraph' ? ['argument 2: anything'] : ['argument 3.lengths: tensor'],
  ),
)
