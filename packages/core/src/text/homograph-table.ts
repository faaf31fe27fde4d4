import { toPluralPhonemes } from './lexicon.ts'

/**
 * What tells the readings of a spelling apart: part of speech (`N`oun, `V`erb, `A`djective or adverb), or, where that does not suffice, a sense by name.
 */
export type Reading = 'N' | 'V' | 'A' | (string & {})

/** A spelling with several pronunciations. */
export interface Homograph {
  /** Reading → IPA, in the style of espeak-ng's US English. */
  readonly readings: ReadonlyMap<Reading, string>
  /** The reading where nothing tells another one. */
  readonly commonest: Reading
  /** An inflected form in -s: plural of the noun, third person of the verb. */
  readonly inflected: boolean
}

/**
 * `word`, then readings and their IPA, the commonest first; `-` is what espeak-ng says by itself, `NA` are two readings that sound the same. A `+` before the word adds its form in -s.
 * The readings of the words without `N`, `V` and `A` are told by rows of `homograph-senses.ts`.
 */
const ROWS = `
+abstract NA ˈæbstɹækt V ɐbstɹˈækt
+abuse N ɐbjˈuːs V ɐbjˈuːz
+addict N ˈædɪkt V ɐdˈɪkt
+advocate N ˈædvəkət V ˈædvəkˌeɪt
+affiliate N ɐfˈɪlɪət V ɐfˈɪlɪˌeɪt
+aggregate NA ˈæɡɹɪɡət V ˈæɡɹɪɡˌeɪt
+ally N ˈælaɪ V ɐlˈaɪ
+alternate NA ˈɔːltɚnət V ˈɔːltɚnˌeɪt
+associate NA ɐsˈoʊsɪət V ɐsˈoʊsɪˌeɪt
+attribute N ˈætɹɪbjˌuːt V ɐtɹˈɪbjuːt
+combine V kəmbˈaɪn N kˈɑːmbaɪn
+compound NA kˈɑːmpaʊnd V kəmpˈaʊnd
+compress V kəmpɹˈɛs N kˈɑːmpɹɛs
+conduct V kəndˈʌkt N kˈɑːndʌkt
+confederate NA kənfˈɛdɚɹət V kənfˈɛdɚɹˌeɪt
+confine V kənfˈaɪn N kˈɑːnfaɪn
+conflict N kˈɑːnflɪkt V kənflˈɪkt
+conglomerate NA kəŋɡlˈɑːmɚɹət V kəŋɡlˈɑːmɚɹˌeɪt
+conscript N kˈɑːnskɹɪpt V kənskɹˈɪpt
+console N kˈɑːnsoʊl V kənsˈoʊl
+consort N kˈɑːnsɔːɹt V kənsˈɔːɹt
+construct V kənstɹˈʌkt N kˈɑːnstɹʌkt
+contest N kˈɑːntɛst V kəntˈɛst
+contract N kˈɑːntɹækt V kəntɹˈækt
+contrast N kˈɑːntɹæst V kəntɹˈæst
+converse V kənvˈɜːs NA kˈɑːnvɜːs
+convert V kənvˈɜːt N kˈɑːnvɜːt
+convict N kˈɑːnvɪkt V kənvˈɪkt
+coordinate V koʊˈɔːɹdᵻnˌeɪt NA koʊˈɔːɹdᵻnət
+correlate V kˈɔːɹəlˌeɪt N kˈɔːɹələt
+decrease N dˈiːkɹiːs V dᵻkɹˈiːs
+defect N dˈiːfɛkt V dᵻfˈɛkt
+degenerate V dᵻdʒˈɛnɚɹˌeɪt NA dᵻdʒˈɛnɚɹət
+delegate N dˈɛlɪɡət V dˈɛlɪɡˌeɪt
+desert N dˈɛzɚt V dᵻzˈɜːt
+deviate V dˈiːvɪˌeɪt N dˈiːvɪət
+digest V daɪdʒˈɛst N dˈaɪdʒɛst
+discharge N dˈɪstʃɑːɹdʒ V dɪstʃˈɑːɹdʒ
+discount N dˈɪskaʊnt V dɪskˈaʊnt
+duplicate NA dˈuːplᵻkət V dˈuːplᵻkˌeɪt
+entrance N ˈɛntɹəns V ɛntɹˈæns
+escort N ˈɛskɔːɹt V ɛskˈɔːɹt
+estimate V ˈɛstᵻmˌeɪt N ˈɛstᵻmət
+excuse N ɛkskjˈuːs V ɛkskjˈuːz
+exploit V ɛksplˈɔɪt N ˈɛksplɔɪt
+export N ˈɛkspɔːɹt V ɛkspˈɔːɹt
+extract V ɛkstɹˈækt N ˈɛkstɹækt
+ferment V fɚmˈɛnt N fˈɜːmɛnt
+fragment N fɹˈæɡmənt V fɹæɡmˈɛnt
+graduate V ɡɹˈædʒuːˌeɪt NA ɡɹˈædʒuːət
+impact N ˈɪmpækt V ɪmpˈækt
+implant N ˈɪmplænt V ɪmplˈænt
+import N ˈɪmpɔːɹt V ɪmpˈɔːɹt
+imprint N ˈɪmpɹɪnt V ɪmpɹˈɪnt
+incline N ˈɪŋklaɪn V ɪŋklˈaɪn
+increase N ˈɪŋkɹiːs V ɪŋkɹˈiːs
+initiate V ɪnˈɪʃɪˌeɪt N ɪnˈɪʃɪət
+insert V ɪnsˈɜːt N ˈɪnsɜːt
+insult N ˈɪnsʌlt V ɪnsˈʌlt
+interchange N ˈɪntɚtʃˌeɪndʒ V ˌɪntɚtʃˈeɪndʒ
+intern N ˈɪntɜːn V ɪntˈɜːn
+intrigue N ˈɪntɹiːɡ V ɪntɹˈiːɡ
+invite V ɪnvˈaɪt N ˈɪnvaɪt
+laminate N lˈæmᵻnət V lˈæmᵻnˌeɪt
+misprint N mˈɪspɹɪnt V mɪspɹˈɪnt
+misuse N mɪsjˈuːs V mɪsjˈuːz
+object N ˈɑːbdʒɛkt V əbdʒˈɛkt
+offset N ˈɔfsɛt V ɔfsˈɛt
+overhaul N ˈoʊvɚhˌɔːl V ˌoʊvɚhˈɔːl
+overlap N ˈoʊvɚlˌæp V ˌoʊvɚlˈæp
+overlook V ˌoʊvɚlˈʊk N ˈoʊvɚlˌʊk
+perfume N pˈɜːfjuːm V pɚfjˈuːm
+permit N pˈɜːmɪt V pɚmˈɪt
+pervert N pˈɜːvɜːt V pɚvˈɜːt
+postulate V pˈɑːstʃəlˌeɪt N pˈɑːstʃələt
+precipitate V pɹᵻsˈɪpᵻtˌeɪt NA pɹᵻsˈɪpᵻtət
+predicate N pɹˈɛdᵻkət V pɹˈɛdᵻkˌeɪt
+present NA pɹˈɛzənt V pɹɪzˈɛnt
+proceed V pɹəsˈiːd N pɹˈoʊsiːd
+produce V pɹədˈuːs N pɹˈoʊduːs
+progress N pɹˈɑːɡɹɛs V pɹəɡɹˈɛs
+project N pɹˈɑːdʒɛkt V pɹədʒˈɛkt
+protest N pɹˈoʊtɛst V pɹətˈɛst
+rebate N ɹˈiːbeɪt V ɹᵻbˈeɪt
+rebel N ɹˈɛbəl V ɹᵻbˈɛl
+rebound N ɹˈiːbaʊnd V ɹᵻbˈaʊnd
+recall V ɹᵻkˈɔːl N ɹˈiːkɔːl
+recap N ɹˈiːkæp V ɹᵻkˈæp
+recoil V ɹᵻkˈɔɪl N ɹˈiːkɔɪl
+record N ɹˈɛkɚd V ɹᵻkˈɔːɹd
+redress N ɹˈiːdɹɛs V ɹᵻdɹˈɛs
+refill N ɹˈiːfɪl V ɹiːfˈɪl
+refund N ɹˈiːfʌnd V ɹᵻfˈʌnd
+refuse V ɹᵻfjˈuːz N ɹˈɛfjuːs
+reject V ɹᵻdʒˈɛkt N ɹˈiːdʒɛkt
+relapse N ɹˈiːlæps V ɹᵻlˈæps
+relay N ɹˈiːleɪ V ɹᵻlˈeɪ
+remake N ɹˈiːmeɪk V ɹiːmˈeɪk
+replay N ɹˈiːpleɪ V ɹiːplˈeɪ
+reprint N ɹˈiːpɹɪnt V ɹiːpɹˈɪnt
+rerun N ɹˈiːɹʌn V ɹiːɹˈʌn
+retake V ɹiːtˈeɪk N ɹˈiːteɪk
+reuse N ɹiːjˈuːs V ɹiːjˈuːz
+rewrite V ɹiːɹˈaɪt N ɹˈiːɹaɪt
+segment N sˈɛɡmənt V sɛɡmˈɛnt
+separate A sˈɛpɹət V sˈɛpɚɹˌeɪt
+subject NA sˈʌbdʒɛkt V səbdʒˈɛkt
+subordinate NA səbˈɔːɹdᵻnət V səbˈɔːɹdᵻnˌeɪt
+supplement N sˈʌplᵻmənt V sˈʌplᵻmˌɛnt
+survey N sˈɜːveɪ V sɚvˈeɪ
+suspect N sˈʌspɛkt V səspˈɛkt
+syndicate N sˈɪndᵻkət V sˈɪndᵻkˌeɪt
+torment N tˈɔːɹmɛnt V tɔːɹmˈɛnt
+transfer N tɹˈænsfɜː V tɹænsfˈɜː
+transplant N tɹˈænsplænt V tɹænsplˈænt
+transport N tɹˈænspɔːɹt V tɹænspˈɔːɹt
+undercut V ˌʌndɚkˈʌt N ˈʌndɚkˌʌt
+update N ˈʌpdeɪt V ʌpdˈeɪt
+upgrade N ˈʌpɡɹeɪd V ʌpɡɹˈeɪd
+uplift V ʌplˈɪft N ˈʌplɪft
+use N jˈuːs V jˈuːz
+wind N wˈɪnd V wˈaɪnd
absent A ˈæbsənt V æbsˈɛnt
animate V ˈænᵻmˌeɪt A ˈænᵻmət
animates V ˈænᵻmˌeɪts
appropriate A ɐpɹˈoʊpɹɪət V ɐpɹˈoʊpɹɪˌeɪt
approximate A ɐpɹˈɑːksᵻmət V ɐpɹˈɑːksᵻmˌeɪt
articulate A ɑːɹtˈɪkjʊlət V ɑːɹtˈɪkjʊlˌeɪt
articulates V ɑːɹtˈɪkjʊlˌeɪts
close A klˈoʊs NV klˈoʊz
compact A kəmpˈækt V kəmpˈækt N kˈɑːmpækt
compacts N kˈɑːmpækts V kəmpˈækts
consummate A kˈɑːnsəmət V kˈɑːnsəmˌeɪt
content N kˈɑːntɛnt AV kəntˈɛnt
deliberate A dᵻlˈɪbɚɹət V dᵻlˈɪbɚɹˌeɪt
designate V dˈɛzɪɡnˌeɪt A dˈɛzɪɡnət
desolate A dˈɛsələt V dˈɛsəlˌeɪt
diffuse A dᵻfjˈuːs V dᵻfjˈuːz
dogged A dˈɔːɡᵻd V dˈɔːɡd
elaborate A ᵻlˈæbɚɹət V ᵻlˈæbɚɹˌeɪt
frequent A fɹˈiːkwənt V fɹiːkwˈɛnt
house N hˈaʊs V hˈaʊz
incense N ˈɪnsɛns V ɪnsˈɛns
intimate A ˈɪntᵻmət V ˈɪntᵻmˌeɪt
invalid A ɪnvˈælɪd N ˈɪnvəlɪd
invalids N ˈɪnvəlɪdz
legitimate A lədʒˈɪɾᵻmət V lədʒˈɪɾᵻmˌeɪt
live V lˈɪv A lˈaɪv
lives V lˈɪvz N lˈaɪvz
moderate A mˈɑːdɚɹət V mˈɑːdɚɹˌeɪt
moderates V mˈɑːdɚɹˌeɪts N mˈɑːdɚɹəts
mouth N mˈaʊθ V mˈaʊð
perfect A pˈɜːfɛkt V pɚfˈɛkt
resume V ɹᵻzˈuːm N ɹˈɛzəmˌeɪ
resumes V ɹᵻzˈuːmz N ɹˈɛzəmˌeɪz
upset AV ʌpsˈɛt N ˈʌpsɛt
upsets V ʌpsˈɛts N ˈʌpsɛts
analyses N ɐnˈælᵻsˌiːz V ˈænəlˌaɪzᵻz
diagnoses N dˌaɪəɡnˈoʊsiːz V dˌaɪəɡnˈoʊsᵻz
aged V ˈeɪdʒd A ˈeɪdʒᵻd
august month - majestic ɔːɡˈʌst
axes tool ˈæksᵻz axis ˈæksiːz
bases base bˈeɪsᵻz basis bˈeɪsiːz
+bass music bˈeɪs fish bˈæs
blessed V blˈɛst A blˈɛsᵻd
+bow bend bˈaʊ knot bˈoʊ
buffet N bəfˈeɪ V bˈʌfɪt
buffets N bəfˈeɪz V bˈʌfɪts
does V - N dˈoʊz
dove bird dˈʌv past dˈoʊv
job work - name dʒˈoʊb
+lead guide lˈiːd metal lˈɛd
learned V lˈɜːnd A lˈɜːnᵻd
minute N mˈɪnɪt A maɪnˈuːt
mobile moving - city moʊbˈiːl
moped N mˈoʊpɛd V mˈoʊpt
nice kind - city nˈiːs
pasty pale pˈeɪsti food pˈæsti
polish shine pˈɑːlɪʃ nation pˈoʊlɪʃ
+primer paint pɹˈaɪmɚ book pɹˈɪmɚ
putting place - golf pˈʌɾɪŋ
read present ɹˈiːd past ɹˈɛd
reading text - city ɹˈɛdɪŋ
+row line ɹˈoʊ quarrel ɹˈaʊ
sake behalf - drink sˈɑːkeɪ
+slough swamp slˈuː shed slˈʌf
+sow plant sˈoʊ pig sˈaʊ
+tear eye tˈɪɹ rip tˈɛɹ
used applied - accustomed jˈuːst
wound injury wˈuːnd wind wˈaʊnd
`

/** Spelling in lower case → its readings. */
export const HOMOGRAPHS: ReadonlyMap<string, Homograph> = readRows(ROWS)

/** @throws {RangeError} for a word that has two rows */
export function readRows(rows: string): Map<string, Homograph> {
  const table = new Map<string, Homograph>()
  const add = (word: string, readings: ReadonlyMap<Reading, string>, commonest: Reading, inflected: boolean) => {
    if (table.has(word)) throw new RangeError(`homographs: "${word}" has two rows, expected one; join them`)
    table.set(word, { readings, commonest, inflected })
  }
  for (const row of rows.trim().split('\n')) {
    const [entry = '', ...fields] = row.split(' ')
    const readings = new Map<Reading, string>()
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const names = fields[i] as string
      for (const name of /^[NVA]+$/.test(names) ? names : [names]) readings.set(name, fields[i + 1] as string)
    }
    const word = entry.replace('+', '')
    const commonest = [...readings.keys()][0] as Reading
    add(word, readings, commonest, /[^s]s$/.test(word))
    if (entry === word) continue
    const plurals = [...readings].map(([name, ipa]) => [name, toPluralPhonemes(ipa)] as const)
    const ending = /(?:s|sh|ch|x|z)$/.test(word) ? 'es' : /[^aeiou]y$/.test(word) ? 'ies' : 's'
    add(ending === 'ies' ? `${word.slice(0, -1)}ies` : word + ending, new Map(plurals), commonest, true)
  }
  return table
}
