/** More edits than this make another word. */
const mostEdits = 3

/**
 * Refuses options that nobody knows: a misspelled one would be ignored in silence.
 * @param known every name that there is
 * @throws {TypeError} if options are no object, or naming the nearest known name
 */
export function checkOptionNames(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${where}: options is ${options}, expected an object`)
  const unknown = Object.keys(options).find(name => !known.includes(name))
  if (unknown === undefined) return
  const nearest = nearestName(unknown, known)
  throw new TypeError(
    `${where}: there is no option "${unknown}"; ${nearest === undefined ? `expected ${known.join(', ')}` : `did you mean "${nearest}"?`}`,
  )
}

/** The known name of the fewest edits, whatever the case; undefined if none is near. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map(each => ({ each, edits: editDistance(name.toLowerCase(), each.toLowerCase()) }))
    .filter(({ each, edits }) => edits <= Math.min(mostEdits, Math.max(1, each.length / 3)))
    .sort((a, b) => a.edits - b.edits)
  return best?.each
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`: optimal string alignment. */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : i)))
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      rows[i]![j] = Math.min(
        rows[i - 1]![j]! + 1,
        rows[i]![j - 1]! + 1,
        rows[i - 1]![j - 1]! + Number(!same),
        swapped ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY,
      )
    }
  }
  return rows[a.length]![b.length]!
}
