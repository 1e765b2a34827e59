/** PyTorch on one thread, by the kernels that its products take: those of a processor with AVX2, or the best that this one has. */
import type { Entrant } from './contest.ts'

type Torch = Pick<Entrant, 'name' | 'env'>

const ONE_THREAD = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }

export const TORCH_AVX2: Torch = {
  name: 'PyTorch, AVX2 kernels',
  env: { ...ONE_THREAD, OPENBLAS_CORETYPE: 'Haswell', OPENBLAS_L2_SIZE: process.env.OPENBLAS_L2_SIZE },
}
export const TORCH_AVX512: Torch = {
  name: 'PyTorch, AVX-512 kernels',
  env: { ...ONE_THREAD, OPENBLAS_CORETYPE: undefined, OPENBLAS_L2_SIZE: undefined },
}
