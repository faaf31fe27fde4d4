/**
 * Rows → a map. A map, since an object also answers to `constructor` and `toString`, which are words of English.
 * @throws {RangeError} if two rows have the same key: the second would silently replace the first
 */
export function table<T>(...groups: readonly (readonly (readonly [key: string, value: T])[])[]): ReadonlyMap<string, T> {
  const map = new Map<string, T>()
  for (const [key, value] of groups.flat()) {
    if (map.has(key)) throw new RangeError(`table: "${key}" has two rows`)
    map.set(key, value)
  }
  return map
}

/** `'a=x|b=y'` → rows; `separator` divides them. */
export function rows(text: string, separator = '|'): (readonly [key: string, value: string])[] {
  return text.split(separator).map(row => {
    const at = row.indexOf('=')
    return [row.slice(0, at), row.slice(at + 1)] as const
  })
}

/**
 * Words divided by spaces → a set.
 * @throws {RangeError} if a word is there twice
 */
export function wordSet(words: string): ReadonlySet<string> {
  return new Set(table(words.split(' ').map(word => [word, true] as const)).keys())
}

/** Keys as one alternative of a pattern, the longest first. */
export function anyOf(keys: Iterable<string>): string {
  return [...keys]
    .sort((a, b) => b.length - a.length)
    .map(key => key.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
    .join('|')
}
