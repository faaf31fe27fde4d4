import { toPluralPhonemes } from './lexicon.ts'
import { type Rule, sticky } from './rules.ts'
import { rows, table } from './table.ts'

/** Names that neither their letters nor espeak-ng tell how to say, without their accents and in lower case → IPA as English speakers say them. */
const NAMES = table<string>(
  rows(
    `dvorak=dvˈɔːɹʒɑːk|niamh=nˈiːv|nguyen=wˈɪn|lodz=wˈuːtʃ|gdansk=ɡədˈænsk|dokovic=dʒˈoʊkəvɪtʃ|djokovic=dʒˈoʊkəvɪtʃ|sean=ʃˈɔːn|eoin=ˈoʊɪn|oisin=oʊʃˈiːn|roisin=ɹoʊʃˈiːn|grainne=ɡɹˈɔːnjə|tadhg=tˈaɪɡ|joaquin=wɑːkˈiːn|qin=tʃˈɪn|goethe=ɡˈɜːɾə|renault=ɹənˈoʊ|versailles=vɚsˈaɪ|erdogan=ˈɜːdəwɑːn|hakon=hˈoʊkən|huawei=wˈɑːweɪ|guillermo=ɡiːjˈɛɹmoʊ|citroen=sˈɪtɹoʊən|cillian=kˈɪliən|aisling=ˈæʃlɪŋ|sinead=ʃɪnˈeɪd|krzysztof=kʃˈɪʃtɔːf|walesa=vəwˈɛnsə|jurgen=jˈɜːɡən|reykjavik=ɹˈeɪkjəvɪk|lukasz=wˈuːkɑːʃ|wojciech=vˈɔɪtʃɛk|brno=bˈɜːnoʊ|ljubljana=luːbliˈɑːnə|aoife=ˈiːfə|caoimhe=kˈiːvə|saoirse=sˈɜːʃə|siobhan=ʃɪvˈɔːn|padraig=pˈɔːdɹɪɡ|ngozi=ənɡˈoʊzi|xavi=tʃˈɑːvi|szczecin=ʃtʃˈɛtʃiːn|wroclaw=vɹˈɔːtswɑːf|krakow=kɹˈækaʊ|dubcek=dˈuːbtʃɛk|malmo=mˈɑːlmoʊ|goteborg=jˈɜːtəbɔːɹɡ|tromso=tɹˈɑːmsoʊ|zoe=zˈoʊi|chloe=klˈoʊi|noel=nˈoʊəl|anais=ɑːnɑːˈiːs|thais=tɑːˈiːs`,
  ),
)
/** Without their accents these are other words or names. */
const ACCENTED_ONLY = new Set(['hakon', 'walesa', 'thais', 'noel', 'sean'])

/** Names of other languages, by table. All others keep their letters, of which espeak-ng reads most, and lose only accents that it does not know. */
export const NAME_RULE: Rule = {
  name: 'name: Dvořák, Niamh',
  pattern: sticky(`(\\p{Lu}[\\p{Ll}\\p{M}]{1,20})('s)?(?![\\p{L}\\p{M}]|'\\p{L})`),
  say([match, name = '', possessive]) {
    const plain = name.normalize('NFD').replace(/\p{M}/gu, '').replaceAll('ø', 'o').replaceAll('ł', 'l').toLowerCase()
    if (plain === name.toLowerCase() && ACCENTED_ONLY.has(plain)) return undefined
    const phonemes = NAMES.get(plain)
    return phonemes === undefined ? undefined : { text: match, phonemes: possessive ? toPluralPhonemes(phonemes) : phonemes }
  },
}
