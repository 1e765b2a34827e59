/** `npx retrograd inspect model.safetensors`: what is in a file of weights, and what it says about the net. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { readSafetensors } from '../io/safetensors.ts'
import { RetrogradError } from '../runtime/errors.ts'
import { printable, printableJson } from '../runtime/printable.ts'
import { reportOf } from './report.ts'
import { textOf } from './text.ts'

const USAGE = `retrograd inspect <model.safetensors> [--json]

Prints the tensors of a file with their ranges, recognises recurrent layers by PyTorch's names and shapes, and tells
of each direction the spectral radius of its recurrent weights and the mean bias of each gate. --json prints the same as JSON.`

/** Runs the command line; returns the process's exit code. */
export function main(argv: readonly string[], print: (text: string) => void, complain: (text: string) => void): number {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
      allowPositionals: true,
    })
    const [command, file, ...rest] = positionals
    if (values.help) return say(print, USAGE)
    if (command !== 'inspect' || file === undefined || rest.length > 0) return say(complain, USAGE, 2)
    const report = reportOf(readSafetensors(readFileSync(file)))
    return say(print, values.json ? printableJson(JSON.stringify(report, undefined, 2)) : textOf(file, report))
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return say(complain, `retrograd: ${printable(error.message)}`, error instanceof RetrogradError ? 1 : 2)
  }
}

function say(write: (text: string) => void, text: string, code = 0): number {
  write(text)
  return code
}
