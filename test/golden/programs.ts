/** All golden programs, by subject. */
import { cells } from './cells.ts'
import { edges } from './edges.ts'
import { equilibrium } from './equilibrium.ts'
import { files } from './files.ts'
import { fitting } from './fitting.ts'
import { inspect } from './inspect.ts'
import { layers } from './layers.ts'
import { operations } from './operations.ts'
import type { Program } from './program.ts'
import { recurrent } from './recurrent.ts'
import { training } from './training.ts'

export const PROGRAMS: readonly Program[] = [
  ...recurrent,
  ...edges,
  ...operations,
  ...cells,
  ...layers,
  ...training,
  ...fitting,
  ...equilibrium,
  ...inspect,
  ...files,
]
