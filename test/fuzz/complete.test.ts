/** Is everything that is public in the catalogue of calls that are fuzzed? */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { join } from 'node:path'
import ts from 'typescript'
import { ENTRIES } from './entries/index.ts'

const ROOT = join(import.meta.dirname, '../..')
const FILES = ['index', 'ops', 'io', 'inspect'].map((name) => join(ROOT, 'bindings', `${name}.ts`))

/** Made by others alone, without arguments, or of no call. */
const LEFT_OUT = ['Module', 'RetrogradError', 'Schedule']

const program = ts.createProgram(FILES, {
  allowImportingTsExtensions: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  skipLibCheck: true,
})
const checker = program.getTypeChecker()

const exported = FILES.flatMap((file) =>
  checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)!)!)
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)),
)
const fuzzed = new Set(ENTRIES.map(({ name }) => name.replace(/ \(.*\)$/, '')))
const methods = new Set([...fuzzed].map((name) => name.split('.').at(-1)!))

/** Public methods that take an argument, by the classes that declare them. */
function methodsOf(symbol: ts.Symbol): string[] {
  const isInternal = (own: ts.Symbol) => own.getJsDocTags().some(({ name }) => name === 'internal')
  return checker
    .getDeclaredTypeOfSymbol(symbol)
    .getProperties()
    .filter((own) => {
      const declaration = own.valueDeclaration
      if (!declaration || isInternal(own) || /^(#|__)/.test(own.name)) return false
      const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected
      if (ts.getCombinedModifierFlags(declaration as ts.Declaration) & hidden) return false
      return checker
        .getTypeOfSymbol(own)
        .getCallSignatures()
        .some(({ parameters }) => parameters.length > 0)
    })
    .map(({ name }) => name)
}

const test = suite('the catalogue of fuzzed calls')

test('has every exported class, function and operation', () => {
  const missing = exported.filter((symbol) => {
    const { name, flags } = symbol
    if (LEFT_OUT.includes(name)) return false
    if (flags & ts.SymbolFlags.Class)
      return !fuzzed.has(`new ${name}`) && !['Runtime', 'Tensor', 'Value', 'Tape'].includes(name)
    const isCallable = flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Variable)
    if (!isCallable) return false
    const calls = checker.getTypeOfSymbol(symbol).getCallSignatures().length > 0
    const own = calls
      ? [name]
      : checker
          .getTypeOfSymbol(symbol)
          .getProperties()
          .map((part) => `${name}.${part.name}`)
    return !own.every((each) => fuzzed.has(each) || fuzzed.has(`ops.${each}`) || fuzzed.has(`inspect.${each}`))
  })
  assert.equal(
    missing.map(({ name }) => name),
    [],
  )
})

test('has every public method that takes an argument', () => {
  const found = exported.filter(({ flags }) => flags & ts.SymbolFlags.Class)
  const module = found.find(({ name }) => name === 'Module')!
  const others = found.filter(({ name }) =>
    ['Runtime', 'Tensor', 'SGD', 'ReduceLROnPlateau', 'ExponentialMovingAverage'].includes(name),
  )
  const all = [module, ...others].flatMap(methodsOf)
  assert.ok(all.length > 8, all.join())
  assert.equal(
    [...new Set(all)].filter((name) => !methods.has(name)),
    [],
  )
})

test.run()
