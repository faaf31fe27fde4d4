import { describe, expect, it } from 'vitest'
import { vallEXStyle, vallEXSymbols } from './vall-e-x.ts'
import { createVocabulary } from './vocabulary.ts'

const rewrite = (ipa: string, language?: string) => vallEXStyle.rewrite(ipa, 'word', language)

describe('vallEXStyle', () => {
  it('has the ids of the published table', () => {
    const vocabulary = createVocabulary(vallEXSymbols)
    expect(vallEXSymbols).toHaveLength(70)
    // The transcript of presets/librispeech_1.npz, whose text_tokens these are.
    expect(vocabulary.toIpa(vocabulary.toIds('dɪˈsɛndɪd_ðə_ˈlædəɹ_ənd_faʊnd_hɪmˈsɛɫf.').ids)).toBe(
      'dɪˈsɛndɪd_ðə_ˈlædəɹ_ənd_faʊnd_hɪmˈsɛɫf.',
    )
    expect(vocabulary.toIds('_!↓').ids).toEqual([16, 5, 69])
  })

  // espeak-ng's reading → the spelling of the published English presets (librispeech_1, vctk_1, amused)
  it.each([
    ['dᵻsˈɛndᵻd', 'dɪˈsɛndɪd'],
    ['lˈæɾɚ', 'ˈlætəɹ'],
    ['hɪmsˈɛlf', 'hɪmˈsɛɫf'],
    ['səpˈɔːɹt', 'səˈpɔɹt'],
    ['wˈaɪdspɹɛd', 'ˈwaɪdspɹɛd'],
    ['ɐpˈɑːn', 'əˈpɑn'],
    ['fˈaɪnd', 'faɪnd'],
    ['wˈɪl', 'wɪɫ'],
    ['tˈɜːsli', 'ˈtəɹsli'],
    ['ɛkstɹˈɔːɹdɪnˌɛɹi', 'ɛkˈstɹɔɹdɪˌnɛɹi'],
    ['fˈaɪv dˈɑːlɚz', 'faɪv_ˈdɑləɹz'],
    ['dʒˈɜːni', 'ˈdʒəɹni'],
    ['ɡˈɜːl', 'gəɹɫ'],
  ])('writes %s as %s', (espeak, dictionary) => expect(rewrite(espeak)).toBe(dictionary))

  it('writes only symbols of the table', () => {
    const vocabulary = createVocabulary(vallEXSymbols)
    for (const ipa of ['ɹˈiəli', 'mˈɛʒɚ', 'bˈʌʔn̩', 'ɡɹˈeɪtɚ']) expect(vocabulary.toIds(rewrite(ipa)).dropped).toEqual([])
  })

  it('leaves phonemes of other languages as they are given', () => {
    expect(rewrite('ni↓ xɑʊ↓↑', 'zh')).toBe('ni↓_xɑʊ↓↑')
    expect(rewrite('koɾe', 'ja')).toBe('koɾe')
  })

  it('keeps punctuation that the table has, and reads the rest as commas or not at all', () => {
    expect(['. ', '; ', ': "', '?"', ' (', '— ', '…'].map(mark => vallEXStyle.rewrite(mark, 'mark', 'en'))).toEqual([
      '._',
      ',_',
      ',_',
      '?',
      '_',
      ',_',
      '…',
    ])
  })
})
