import { shortened } from '../runtime/printable.ts'

/** Objects and arrays within each other that a text may have: far more than any format here needs, far fewer than a stack holds. */
export const MOST_NESTED = 32

/** What `JSON.parse` takes without a word in this valid JSON text: an object with a key twice, or nesting without end. */
export function findJsonFault(json: string): string | undefined {
  const scopes: Set<string>[] = []
  for (let at = 0; at < json.length; at++) {
    const char = json[at]
    if (char === '{' || char === '[') {
      if (scopes.push(new Set()) > MOST_NESTED) return `is nested deeper than ${MOST_NESTED} levels`
    } else if (char === '}' || char === ']') scopes.pop()
    else if (char === '"') {
      const end = endOfString(json, at)
      const key = isKey(json, end) ? (JSON.parse(json.slice(at, end)) as string) : undefined
      const scope = scopes[scopes.length - 1]
      if (key !== undefined && scope?.has(key)) return `has the key ${JSON.stringify(shortened(key, 80))} twice`
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
