/**
 * The records that the engine reads: the same fields in the same order as the classes of assembly/engine/records.ts, where they
 * are explained. test/core/format.test.ts compares the files.
 */
import { recordFormat } from '../runtime/record.ts'

export const CALL = recordFormat(['version', 'legs', 'legTable'])

// prettier-ignore
export const LEG = recordFormat(['run', 'stage', 'from', 'to', 'origin', 'lossFrom', 'flags', 'load', 'store'])

// prettier-ignore
export const RUN = recordFormat([
  'steps', 'rows', 'chunkSteps', 'stageTable', 'unitTable', 'lengths', 'refresh', 'drops', 'seedLow', 'seedHigh', 'module', 'call',
  'foldPieces', 'foldLevels', 'pieces',
])

export const STAGE = recordFormat(['reversed', 'firstUnit', 'units'])

export const UNIT = recordFormat(['program', 'values', 'states', 'stateTable', 'ports', 'portTable'])

export const SEGMENT = recordFormat(['code', 'words'])

export const ENTRY = recordFormat(['base', 'stride', 'kind'])

// prettier-ignore
export const STATE = recordFormat([
  'value', 'columns', 'lag', 'carry', 'initial', 'final', 'pastInitial', 'pastFinal', 'pastStride',
])

export const PORT = recordFormat(['value', 'address', 'stepStride', 'rowStride', 'bytes', 'mode', 'clear'])
