import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alignWords, looksAligned } from './align.ts'

const words = (alone: string, groups: string) =>
  alignWords(alone.split(' '), groups.split(' ')).map(({ phonemes, joined }) => (joined ? `+${phonemes}` : phonemes))

describe('alignWords', () => {
  it('maps one to one where nothing merges', () => expect(words('ðˈə kˈæt', 'ðə kˈæt')).toEqual(['ðə', 'kˈæt']))

  it('divides what espeak merges', () => {
    expect(words('ˈɪn ðˈə hˈaʊs', 'ɪnðə hˈaʊs')).toEqual(['ɪn', '+ðə', 'hˈaʊs'])
    expect(words('ðˈɛɹ wˈʌz ˈeɪ', 'ðɛɹwˌʌz ɐ')).toEqual(['ðɛɹ', '+wˌʌz', 'ɐ'])
    expect(words('ðˈæt ˈɪt wˈʌz', 'ðˌɐɾɪt wʌz')).toEqual(['ðˌɐɾ', '+ɪt', 'wʌz'])
  })

  it('keeps together what espeak splits', () => {
    expect(words('ˈɪn ðˈə lˈʌntʃɹuːm nˈaʊ', 'ɪnðə lˈʌntʃ ɹuːm nˈaʊ')).toEqual(['ɪn', '+ðə', 'lˈʌntʃ ɹuːm', 'nˈaʊ'])
  })

  it('keeps every phoneme, whatever it is given', () => {
    const ipa = fc.array(fc.constantFrom(...'ˈˌaɪkstnðəː'), { minLength: 1, maxLength: 8 }).map(parts => parts.join(''))
    fc.assert(
      fc.property(fc.array(ipa, { minLength: 1, maxLength: 6 }), fc.array(ipa, { minLength: 1, maxLength: 6 }), (alone, groups) => {
        const aligned = alignWords(alone, groups)
        expect(aligned).toHaveLength(alone.length)
        expect(
          aligned
            .map(word => word.phonemes)
            .join('')
            .replaceAll(' ', ''),
        ).toBe(groups.join(''))
        const spaced = aligned.map(({ phonemes, joined }, i) => (i === 0 || joined ? '' : ' ') + phonemes).join('')
        if (aligned.every(word => word.phonemes !== '')) expect(spaced).toBe(groups.join(' '))
      }),
    )
  })
})

describe('looksAligned', () => {
  it('notices a merge and a split that cancel out in number', () => {
    expect(looksAligned(['in', 'the', 'lunchroom'], ['ɪnðə', 'lˈʌntʃ', 'ɹuːm'])).toBe(false)
    expect(looksAligned(['in', 'the', 'house'], ['ɪnðə', 'hˈaʊs'])).toBe(false)
    expect(looksAligned(['the', 'knight', 'who', 'writes'], ['ðə', 'nˈaɪt', 'hˌuː', 'ɹˈaɪts'])).toBe(true)
  })
})
