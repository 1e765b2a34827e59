/** `retrograd/io`: files in and out. */
export { readSafetensors, writeSafetensors } from './io/safetensors.ts'
export type { SafetensorsArray, SafetensorsFile, SafetensorsInput, SafetensorsTensor } from './io/safetensors-format.ts'
