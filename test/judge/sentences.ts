/** Whole clauses and what can follow them, by which a sentence of any length is put together. */
const clauses = [
  'the old miller opened the gate before sunrise',
  'nobody in the village remembered the name of the bridge',
  'a grey heron stood in the shallow water',
  'my sister keeps seven jars of honey in the cellar',
  'the train to the coast was late again',
  'we carried the heavy table up four flights of stairs',
  'rain had filled every barrel by noon',
  'three judges asked the same question twice',
  'the clock above the bakery stopped at half past nine',
  'somebody left a violin on the kitchen chair',
  'the engine coughed and then fell silent',
  'Thomas wrote her a long letter from Lisbon',
  'the children counted the lights along the shore',
  'a thin crack ran through the middle of the window',
  'they sold fresh bread and yellow cheese at the market',
  'the ferry leaves from the southern pier',
  'a yellow bus waited outside the school',
  'my uncle repairs broken radios for fun',
  'her voice was calm although her hands were shaking',
]
const links = ['and', 'but', 'while', 'because', 'so', 'after', 'until', 'although']
const tails = [
  'today',
  'at last',
  'in the rain',
  'without a single word',
  'for the second time',
  'just as the doctor had said',
  'on a narrow road near Vienna',
  'which surprised everyone in the room',
]
/** Too short for a clause: what people type first. */
const short: readonly (readonly string[])[] = [
  ['Hello.', 'Yes!', 'Why?', 'No.', 'Birds.'],
  ['Good morning.', 'Not yet.', 'Who knows?', 'Come in!', 'Sixty-two.'],
  ['I think so.', 'Where is it?', 'Close the door.', 'Twelve past nine.', 'That was close!'],
  ['We are nearly there.', 'Did you hear that?', 'Leave it to me.', 'No, no, no, no.'],
  ['The kettle is boiling again.', 'Who painted this door green?', 'Turn left after the church.', 'She never answers her telephone.'],
  ['It snowed all night in April.', 'Could you read that once more?', 'His shoes were full of sand.', 'One, two, three, four, five, six.'],
]
const longest = 60

/** Different sentences of 1 to 60 words in turn, the same ones every time: fixed up to six words, then whole clauses that are linked, with commas between some. */
export function makeSentences(count: number): string[] {
  const sentences = new Set<string>()
  while (sentences.size < count) {
    const length = 1 + (sentences.size % longest)
    const round = Math.floor(sentences.size / longest)
    let variant = sentences.size
    let sentence = short[length - 1]?.[round] ?? build(length, variant)
    while (sentences.has(sentence)) sentence = build(length, ++variant)
    sentences.add(sentence)
  }
  return [...sentences]
}

function build(length: number, variant: number): string {
  const sentence = fill(length, variant, [])
  if (!sentence) throw new RangeError(`no clauses of ${length} words together`)
  const [first, ...rest] = sentence.join(' ')
  return `${first!.toUpperCase()}${rest.join('')}${variant % 11 === 5 ? '?' : '.'}`
}

/** Clauses of exactly `length` words together, tails and links included, no clause and no tail of the parts `before` again; undefined if that is impossible. */
function fill(length: number, variant: number, before: readonly string[]): string[] | undefined {
  const part = before.length
  for (let step = 0; step < clauses.length * (tails.length + 1); step++) {
    const clause = clauses[(variant * 7 + part * 5 + step) % clauses.length]!
    const tail = ['', '', ...tails][(variant + part * 3 + step) % (tails.length + 2)]!
    if (before.some(said => said.includes(clause) || (tail && said.includes(tail)))) continue
    const words = `${clause} ${tail}`.trim().split(' ')
    if (words.length === length) return words
    if (words.length > length) continue
    const rest = fill(length - words.length - 1, variant, [...before, words.join(' ')])
    if (!rest) continue
    const comma = (variant + part) % 2 === 0 ? ',' : ''
    return [...words.slice(0, -1), `${words.at(-1)}${comma}`, links[(variant + part) % links.length]!, ...rest]
  }
  return undefined
}
