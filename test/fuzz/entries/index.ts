/** Every public entry. */
import type { Entry } from './entry.ts'
import { FILES } from './files.ts'
import { INSPECTION } from './inspection.ts'
import { CONSTRUCTORS } from './constructors.ts'
import { METHODS } from './methods.ts'
import { STEPS } from './steps.ts'
import { TRAINING } from './training.ts'

export const ENTRIES: readonly Entry[] = [...CONSTRUCTORS, ...METHODS, ...TRAINING, ...STEPS, ...FILES, ...INSPECTION]
