/** The phonemes of one word. */
export interface AlignedWord {
  readonly phonemes: string
  /** True if espeak merged it with the word before, without a space between ("ɪn" + "ðə" of "ɪnðə"). */
  readonly joined: boolean
}

/** How many words and phoneme groups may correspond: espeak merges up to four little words and splits a compound in three. */
const BLOCKS = [
  [1, 1],
  [2, 1],
  [1, 2],
  [3, 1],
  [1, 3],
  [4, 1],
  [2, 2],
] as const

/** Words are compared by their first sounds only beyond this length, and never with groups further than `BAND` from the diagonal: bounds the work for nonsense. */
const MAX_COMPARED = 24
const BAND = 8

/** First sounds of the words that begin with a letter: tells cheaply whether words and groups went out of step. */
// biome-ignore format: an alphabet
const FIRST_SOUNDS: Readonly<Record<string, string>> = {
  b: 'b', c: 'kstʃ', d: 'd', f: 'f', g: 'ɡdnʒ', h: 'hɑɔaɛʌɪoæəɐwj', j: 'djʒh', k: 'kn', l: 'l', m: 'mn', n: 'n', p: 'pfns', q: 'k',
  r: 'ɹ', s: 'sʃz', t: 'tθðʃ', v: 'v', w: 'wɹhv', x: 'zɛk', y: 'jiɪ', z: 'zst',
}

/** Whether every group begins as the word with the same number is spelled. */
export function looksAligned(words: readonly string[], groups: readonly string[]): boolean {
  return (
    words.length === groups.length &&
    words.every((word, i) => {
      const letter = word[0]?.toLowerCase() ?? ''
      const sound = bare(groups[i] as string)[0] ?? ''
      const sounds = FIRST_SOUNDS[letter]
      return sounds ? sounds.includes(sound) : word.length === 1 || !/[bdfhklmnpstvzɡðŋθʃʒ]/.test(sound)
    })
  )
}

/**
 * Maps words to the groups of a clause's phonemes by how each word sounds alone.
 * @param alone phonemes of each word by itself [W]
 * @param groups what the clause gave between spaces [G]; W and G differ where espeak merges or splits
 * @returns [W] phonemes; joined in order, with spaces where not `joined`, they are the groups again
 */
export function alignWords(alone: readonly string[], groups: readonly string[]): AlignedWord[] {
  const [w, g] = [alone.length, groups.length]
  const costs = Array.from({ length: w + 1 }, () => new Float64Array(g + 1).fill(Number.POSITIVE_INFINITY))
  const moves = Array.from({ length: w + 1 }, () => new Int8Array(g + 1).fill(-1))
  ;(costs[0] as Float64Array)[0] = 0
  const sounds = alone.map(ipa => bare(ipa).slice(0, MAX_COMPARED))
  const heard = groups.map(ipa => bare(ipa).slice(0, MAX_COMPARED))
  for (let i = 0; i <= w; i++) {
    for (let j = 0; j <= g; j++) {
      const cost = (costs[i] as Float64Array)[j] as number
      if (cost === Number.POSITIVE_INFINITY || Math.abs((i * g) / w - j) > BAND) continue
      for (const [move, [words, parts]] of BLOCKS.entries()) {
        if (i + words > w || j + parts > g) continue
        const step = cost + distance(sounds.slice(i, i + words).join(''), heard.slice(j, j + parts).join('')) + (move === 0 ? 0 : 0.1)
        const row = costs[i + words] as Float64Array
        if (step < (row[j + parts] as number)) {
          row[j + parts] = step
          ;(moves[i + words] as Int8Array)[j + parts] = move
        }
      }
    }
  }
  if ((moves[w] as Int8Array)[g] === -1) return shareOut(w, groups)
  const aligned: AlignedWord[] = []
  for (let [i, j] = [w, g]; i > 0; ) {
    const [words, parts] = BLOCKS[(moves[i] as Int8Array)[j] as number] as readonly [number, number]
    aligned.unshift(...splitGroup(alone.slice(i - words, i), groups.slice(j - parts, j).join(' ')))
    i -= words
    j -= parts
  }
  return aligned
}

/** Without any likeness: groups in proportion; a word that gets none is empty. */
function shareOut(words: number, groups: readonly string[]): AlignedWord[] {
  const share = (i: number) => Math.floor((i * groups.length) / words)
  return Array.from({ length: words }, (_, i) => ({ phonemes: groups.slice(share(i), share(i + 1)).join(' '), joined: false }))
}

/** Divides the phonemes of several words where the words alone end. */
function splitGroup(alone: readonly string[], group: string): AlignedWord[] {
  if (alone.length === 1) return [{ phonemes: group, joined: false }]
  const ends = boundaries(alone.map(bare), group)
  let start = 0
  return alone.map((_, i) => {
    const end = i === alone.length - 1 ? group.length : (ends[i] as number)
    const phonemes = group.slice(start, end)
    const joined = i > 0 && !phonemes.startsWith(' ') && group[start - 1] !== ' '
    start = end
    return { phonemes: phonemes.trim(), joined }
  })
}

/** Offsets in `group` that best correspond to the end of each of `parts` (Levenshtein alignment, traced back). */
function boundaries(parts: readonly string[], group: string): number[] {
  const letters: number[] = []
  for (let i = 0; i < group.length; i++) if (!IGNORED.test(group[i] as string)) letters.push(i)
  const whole = parts.join('')
  const table = editTable(whole, letters.map(i => group[i]).join(''))
  const width = letters.length + 1
  const ends = new Array<number>(whole.length + 1).fill(0)
  for (let [i, j] = [whole.length, letters.length]; i > 0 || j > 0; ) {
    ends[i] = Math.max(ends[i] as number, j)
    const here = table[i * width + j] as number
    if (
      i > 0 &&
      j > 0 &&
      here === (table[(i - 1) * width + j - 1] as number) + (whole[i - 1] === group[letters[j - 1] as number] ? 0 : 1)
    ) {
      i -= 1
      j -= 1
    } else if (j > 0 && here === (table[i * width + j - 1] as number) + 1) j -= 1
    else i -= 1
  }
  let at = 0
  return parts.map(part => {
    at += part.length
    let end = letters[ends[at] as number] ?? group.length
    while (end > 0 && /[ˈˌ]/.test(group[end - 1] as string)) end -= 1
    return end
  })
}

const IGNORED = /[ˈˌː ]|\p{M}/u
const bare = (ipa: string) => ipa.replace(/[ˈˌː ]|\p{M}/gu, '')

function distance(a: string, b: string): number {
  return editTable(a, b)[(a.length + 1) * (b.length + 1) - 1] as number
}

function editTable(a: string, b: string): Uint16Array {
  const width = b.length + 1
  const table = new Uint16Array((a.length + 1) * width)
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      if (i === 0 || j === 0) table[i * width + j] = i + j
      else {
        const swap = (table[(i - 1) * width + j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
        table[i * width + j] = Math.min(swap, (table[(i - 1) * width + j] as number) + 1, (table[i * width + j - 1] as number) + 1)
      }
    }
  }
  return table
}
