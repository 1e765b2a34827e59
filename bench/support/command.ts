/** A bench's command line. */

/** The names that were asked for; all of them where none was. */
export function chosen<Name extends string>(
  kind: string,
  wanted: readonly string[],
  names: readonly Name[],
): readonly Name[] {
  const unknown = wanted.find((name) => !names.includes(name as Name))
  if (unknown !== undefined) throw new Error(`no ${kind} is called ${unknown}; there are ${names.join(', ')}`)
  return wanted.length > 0 ? (wanted as readonly Name[]) : names
}
