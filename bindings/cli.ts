/** The command line: `npx retrograd`. */
import { main } from './cli/main.ts'

process.exitCode = main(
  process.argv.slice(2),
  (text) => process.stdout.write(`${text}\n`),
  (text) => process.stderr.write(`${text}\n`),
)
