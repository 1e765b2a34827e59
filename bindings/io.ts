/** `retrograd/io`: files in and out. */
export { readSafetensors, writeSafetensors } from './io/safetensors.ts'
export type { SafetensorsArray, SafetensorsFile, SafetensorsInput, SafetensorsTensor } from './io/safetensors-format.ts'
export { readState, writeState } from './io/state.ts'
export type { State } from './module/state.ts'
