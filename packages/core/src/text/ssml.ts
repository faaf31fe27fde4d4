import type { SaxesParser } from 'saxes'
import { foldIpa, isIpa } from './ipa.ts'
import { MAX_PAUSE_SECONDS, readDuration } from './markup.ts'
import { sayAs } from './say-as.ts'
import type { TextPart } from './stream.ts'
import { table } from './table.ts'
import { type SpeakingStyle, type Tag, type Tags, withoutTags } from './tags.ts'

/** Deeper elements are read as if they were not there. */
const MAX_DEPTH = 50
/** Longest content of an element that replaces how it is spoken, and longest attribute, in characters. */
const MAX_CONTENT = 1000
const MIN_RATE = 0.5
const MAX_RATE = 2
const STRENGTHS = table<number>([
  ['none', 0],
  ['x-weak', 0.1],
  ['weak', 0.2],
  ['medium', 0.4],
  ['strong', 0.7],
  ['x-strong', 1.2],
])
const RATES = table<number>([
  ['x-slow', 0.5],
  ['slow', 0.75],
  ['medium', 1],
  ['default', 1],
  ['fast', 1.25],
  ['x-fast', 1.6],
])
/** Elements that only group or describe. */
const SILENT = new Set(['speak', 'p', 's', 'w', 'token', 'lang'])
/** Elements whose content is for machines. */
const DESCRIPTIVE = new Set(['metadata', 'desc', 'lexicon', 'lookup'])

/** `&` and `<` that begin nothing. */
const BARE = /&(?!\w{1,31};|#\d{1,7};|#x[\da-f]{1,6};)|&(?=#(\d+|x[\da-f]+);)|<(?![A-Za-z/!?])/gi
/** What may still become an entity, or a tag. */
const UNDECIDED = /(?:&#?\w{0,31}|<|[\ud800-\udbff])$/
const PLAIN: SpeakingStyle = {}

interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  style: SpeakingStyle
  /** What its text is replaced with at its end. */
  replace?: (content: string) => string
  content: string
}

/** Whether a text begins as SSML does; undefined if more of it must be known. */
export function beginsSsml(text: string): boolean | undefined {
  const head = text.replace(/^[\s\ufeff]+/, '').slice(0, 7)
  if (/^<(?:speak[\s>/]|\?xml)/.test(head)) return true
  return head.length < 7 && '<speak>'.startsWith(head) ? undefined : head.length < 5 && '<?xml'.startsWith(head) ? undefined : false
}

/**
 * Reads the part of SSML 1.1 that Mynah speaks into text with tags: `break`, `sub`, `say-as`, `phoneme` (IPA), `prosody` (`rate`), `voice` (`name`), `mark`, `p`, `s`.
 * Of other elements the content is read. No document type, no entities but XML's five and numbers. Never throws.
 * @param warn is told what was not followed, once for each kind
 */
export async function* readSsml(
  pieces: AsyncIterable<TextPart>,
  tags: Tags,
  warn: (warning: string) => void,
): AsyncGenerator<TextPart, void, undefined> {
  const { SaxesParser } = await import('saxes') // most texts need no parser
  const reader = new SsmlReader(new SaxesParser({ fragment: true }), tags, warn)
  for await (const piece of pieces) {
    if (typeof piece === 'string') yield* reader.write(piece)
    else yield piece
  }
  yield* reader.finish()
}

class SsmlReader {
  readonly #parser: SaxesParser
  readonly #tags: Tags
  readonly #warn: (key: string, warning: string) => void
  readonly #open: Element[] = []
  #pieces: TextPart[] = []
  /** The last character that was read. */
  #last = ''
  /** The last that was no space. */
  #lastInk = ''
  /** The end of what was written, if more must be known to understand it. */
  #held = ''
  /** A sentence has ended, and nothing has followed yet. */
  #isOver = false

  constructor(parser: SaxesParser, tags: Tags, warn: (warning: string) => void) {
    const warned = new Set<string>()
    this.#tags = tags
    this.#warn = (key, warning) => {
      if (!warned.has(key) && warned.size < 20) warn(`SSML: ${warning}`)
      warned.add(key)
    }
    this.#parser = parser
    parser.on('error', ({ message }) =>
      this.#warn('error', `is not well-formed, at line and column ${message}; it was read as far as possible`),
    )
    parser.on('doctype', () => this.#warn('doctype', 'a document type was left out; write characters instead of entities'))
    parser.on('opentag', ({ name, attributes }) => this.#openTag(localName(name), attributes as Record<string, string>))
    parser.on('closetag', () => this.#closeTag())
    parser.on('text', text => this.#text(text))
    parser.on('cdata', text => this.#text(text.replaceAll('&amp;', '&').replaceAll('&lt;', '<')))
  }

  write(text: string): TextPart[] {
    const known = this.#held + text
    const cut = UNDECIDED.exec(known)?.index ?? known.length
    this.#held = known.slice(cut)
    this.#parse(known.slice(0, cut))
    return this.#take()
  }

  finish(): TextPart[] {
    this.#parse(this.#held)
    this.#parser.close()
    while (this.#open.length > 0) this.#closeTag()
    return this.#take()
  }

  /** Signs that people forget to escape are text: a parser would lose what follows them. */
  #parse(text: string): void {
    const known = text.replace(/\p{Surrogate}/gu, '\ufffd')
    const escaped = known.replace(BARE, (sign, number?: string) => (sign === '<' ? '&lt;' : number && isCharacter(number) ? sign : '&amp;'))
    if (escaped !== known) this.#warn('bare', 'is not well-formed: "&" or "<" that is no markup was read as text; write &amp; and &lt;')
    this.#parser.write(escaped)
  }

  #take(): TextPart[] {
    const taken = this.#pieces
    this.#pieces = []
    return taken
  }

  #emit(text: string): void {
    if (text === '' || (this.#isOver && /^\s+$/.test(text) && text !== '\n\n')) return
    if (this.#isOver) this.#pieces.push({ flush: true })
    this.#isOver = false
    this.#pieces.push(text)
    this.#last = text.at(-1) as string
    this.#lastInk = text.trimEnd().at(-1) ?? this.#lastInk
  }

  /** Between spaces, so that it hides no end of a sentence. */
  #emitApart(tag: Tag): void {
    this.#emit(`${/\s$/.test(this.#last) || this.#isOver ? '' : ' '}${this.#tags.add(tag)} `)
  }

  #text(text: string): void {
    const captor = this.#open.findLast(element => element.replace)
    if (this.#open.some(element => DESCRIPTIVE.has(element.name))) return
    const spaced = withoutTags(text.replace(/\s+/g, ' ')) // here, since numbered entities are characters by now
    if (!captor) this.#emit(this.#last === ' ' || this.#last === '\n' ? spaced.trimStart() : spaced)
    else if (captor.content.length <= MAX_CONTENT) captor.content += spaced
  }

  #openTag(name: string, attributes: Readonly<Record<string, string>>): void {
    const style = this.#open.at(-1)?.style ?? PLAIN
    const element: Element = { name, attributes: readAttributes(attributes), style, content: '' }
    if (this.#open.length < MAX_DEPTH) this.#begin(element)
    else this.#warn('depth', `elements deeper than ${MAX_DEPTH} were read as if they were not there`)
    this.#open.push(element)
  }

  #begin(element: Element): void {
    const { name, attributes } = element
    if (this.#open.some(({ replace }) => replace)) this.#warn('inside', `<${name}> inside an element that is spoken otherwise was left out`)
    else if (name === 'break') this.#pause(attributes)
    else if (name === 'mark') this.#bookmark(attributes)
    else if (name === 'p' || name === 's') this.#endSentence(name)
    else if (name === 'prosody') this.#restyle(element, this.#readProsody(attributes, element.style))
    else if (name === 'voice') this.#restyle(element, this.#readVoice(attributes, element.style))
    else if (name === 'sub') element.replace = content => this.#substitute(attributes, content)
    else if (name === 'say-as') element.replace = content => this.#sayAs(attributes, content)
    else if (name === 'phoneme') element.replace = content => this.#phoneme(attributes, content)
    else if (!SILENT.has(name) && !DESCRIPTIVE.has(name)) this.#warn(name, `<${name}> is not followed; its content was read`)
  }

  #closeTag(): void {
    const element = this.#open.pop()
    if (!element) return
    if (element.replace) this.#emit(element.replace(element.content.trim()))
    if (element.name === 'p' || element.name === 's') this.#endSentence(element.name)
    const outer = this.#open.at(-1)?.style ?? PLAIN
    if (element.style !== outer) this.#style(outer)
  }

  #restyle(element: Element, style: SpeakingStyle): void {
    if (style === element.style) return
    element.style = style
    this.#style(style)
  }

  #style(style: SpeakingStyle): void {
    this.#emitApart({ kind: 'style', style })
  }

  /** At both ends of `<s>` and `<p>`. A sentence is only ended when something follows, since the end of a paragraph ends it better. */
  #endSentence(name: string): void {
    if (this.#last === '' || this.#last === '\n') return
    if (name === 'p') {
      this.#isOver = false
      this.#emit('\n\n')
      return
    }
    if (this.#isOver) return
    if (/[\p{L}\p{N}\ud800-\udfff]/u.test(this.#lastInk)) this.#emit('.')
    this.#isOver = true
  }

  #pause({ time, strength }: Readonly<Record<string, string>>): void {
    const asked = time === undefined ? STRENGTHS.get(strength ?? 'medium') : readDuration(time)
    if (asked === undefined) {
      const found = time === undefined ? `strength "${strength}"` : `"${time}"`
      this.#warn('break', `a break of ${found} was left out; write time="400ms", or strength="strong"`)
      return
    }
    if (asked > MAX_PAUSE_SECONDS) this.#warn('long break', `a break of ${asked} s was made ${MAX_PAUSE_SECONDS} s, the longest`)
    if (asked > 0) this.#emitApart({ kind: 'pause', seconds: Math.min(asked, MAX_PAUSE_SECONDS) })
  }

  #bookmark({ name }: Readonly<Record<string, string>>): void {
    if (!name) this.#warn('mark', 'a mark without a name was left out')
    else this.#emit(`${/[\p{L}\p{N}\s]/u.test(this.#last) ? '' : ' '}${this.#tags.add({ kind: 'bookmark', name })}`)
  }

  #readProsody({ rate, ...others }: Readonly<Record<string, string>>, style: SpeakingStyle): SpeakingStyle {
    for (const name of Object.keys(others)) this.#warn(`prosody ${name}`, `${name} of <prosody> is not followed, only rate`)
    if (rate === undefined) return style
    const factor = readRate(rate)
    if (factor === undefined) {
      this.#warn('rate', `rate="${rate}" was left out; write rate="slow", "80%", "+10%" or "1.2"`)
      return style
    }
    const asked = factor * (style.rate ?? 1)
    const kept = Math.min(MAX_RATE, Math.max(MIN_RATE, asked))
    if (kept !== asked) this.#warn('far rate', `a rate of ${asked.toFixed(2)} was made ${kept}; it can be ${MIN_RATE} to ${MAX_RATE}`)
    return { ...style, rate: kept }
  }

  #readVoice({ name, ...others }: Readonly<Record<string, string>>, style: SpeakingStyle): SpeakingStyle {
    for (const other of Object.keys(others)) this.#warn(`voice ${other}`, `${other} of <voice> is not followed, only name`)
    return name ? { ...style, voice: name } : style
  }

  #substitute({ alias }: Readonly<Record<string, string>>, content: string): string {
    if (!alias?.trim()) {
      this.#warn('sub', '<sub> without an alias was read as its content')
      return content
    }
    return this.#tags.add({ kind: 'say', text: content || alias, spoken: alias, isWords: false })
  }

  #sayAs(attributes: Readonly<Record<string, string>>, content: string): string {
    const kind = attributes['interpret-as'] ?? ''
    const said = sayAs(content, kind, attributes.format ?? '')
    if (said) return this.#tags.add({ kind: 'say', text: content, ...said })
    if (content !== '')
      this.#warn(`say-as ${kind}`, `"${content.slice(0, 40)}" cannot be said as "${kind.slice(0, 40)}" and was read as text`)
    return content
  }

  #phoneme({ alphabet = 'ipa', ph = '' }: Readonly<Record<string, string>>, content: string): string {
    const phonemes = foldIpa(ph)
    if (alphabet === 'ipa' && phonemes !== '' && (isIpa(ph) || /^[a-z ]+$/.test(phonemes))) {
      return this.#tags.add({ kind: 'phonemes', text: content || ph, phonemes })
    }
    this.#warn(
      'phoneme',
      `<phoneme ph="${ph.slice(0, 40)}"> in alphabet "${alphabet.slice(0, 20)}" was left out, since it is no IPA; its content was read`,
    )
    return content
  }
}

/** Whether `65` or `x41` is the number of a character. */
function isCharacter(number: string): boolean {
  const code = /^x/i.test(number) ? Number.parseInt(number.slice(1), 16) : Number(number)
  return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
}

const localName = (name: string) => name.slice(name.indexOf(':') + 1).toLowerCase()

/** Without namespaces and languages; cut to their limit. */
function readAttributes(attributes: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const kept = Object.entries(attributes).filter(([name]) => !/^(?:xml|xmlns)\b|:/.test(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, value.slice(0, MAX_CONTENT)]))
}

/** `slow`, `80%`, `+10%`, `1.2` → a factor; undefined if it is none. */
function readRate(rate: string): number | undefined {
  const named = RATES.get(rate.trim())
  if (named !== undefined) return named
  const match = /^([-+]?)(\d{1,4}(?:\.\d{0,4})?)(%?)$/.exec(rate.trim())
  if (!match) return undefined
  const [, sign = '', digits, percent] = match
  const value = Number(digits) / (percent ? 100 : 1)
  const factor = sign === '' ? value : sign === '+' ? 1 + value : 1 - value
  return factor > 0 ? factor : undefined
}
