/** The first key that an object of this valid JSON text has twice; `JSON.parse` would take the last without a word. */
export function findDuplicateKey(json: string): string | undefined {
  const scopes: Set<string>[] = []
  for (let at = 0; at < json.length; at++) {
    const char = json[at]
    if (char === '{') scopes.push(new Set())
    else if (char === '}') scopes.pop()
    else if (char === '"') {
      const end = endOfString(json, at)
      const key = isKey(json, end) ? (JSON.parse(json.slice(at, end)) as string) : undefined
      const scope = scopes[scopes.length - 1]
      if (key !== undefined && scope?.has(key)) return key
      if (key !== undefined) scope?.add(key)
      at = end - 1
    }
  }
  return undefined
}

/** The index behind the closing quote of the string that opens at `start`. */
function endOfString(json: string, start: number): number {
  let at = start + 1
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1
  return at + 1
}

/** In valid JSON only a key is followed by a colon. */
function isKey(json: string, end: number): boolean {
  let at = end
  while (/\s/.test(json[at] ?? '')) at++
  return json[at] === ':'
}
