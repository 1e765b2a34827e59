/** What modules remember of how they were made. */

type Given = Readonly<Record<string, unknown>>

/** Options as given, then what stands for those left out. */
export function fillIn<Options extends object, Defaults extends object>(
  options: Options,
  defaults: Defaults,
): Options & Defaults {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const missing = Object.entries(defaults).filter(([name]) => !Object.hasOwn(given, name))
  return { ...given, ...Object.fromEntries(missing) } as Options & Defaults
}

/** A frozen copy, of lists and plain objects inside it too; a cell, which holds a function, stays the very one that was given. */
export function frozenCopy<Options extends object>(options: Options): Readonly<Options> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.freeze(Object.fromEntries(entries.map(([name, value]) => [name, frozen(value)]))) as Readonly<Options>
}

function frozen(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(frozen))
  return isPlain(value) ? frozenCopy(value) : value
}

function isPlain(value: unknown): value is Given {
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return false
  return !Object.values(value).some((inner) => typeof inner === 'function')
}
