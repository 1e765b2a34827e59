/** What a terminal obeys instead of showing: control characters, what turns the writing direction, and what ends a line. */
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu

/** Text of unknown origin, such as a name from a file, for a message or a terminal: `\x1b` for an escape character. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => {
    const code = char.codePointAt(0)!
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

/** JSON that reads the same, with those characters as escapes of its own; line breaks between its values stay. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, (char) =>
    char === '\n' ? char : `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  )
}

const ELLIPSIS = '...'

/** A text of at most so many characters: the middle of a longer one gives way, after so many of its end as `tail` says. */
export function shortened(text: string, length: number, tail = 0): string {
  if (text.length <= length) return text
  return text.slice(0, length - tail - ELLIPSIS.length) + ELLIPSIS + text.slice(text.length - tail)
}
