import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitTags } from './markup.ts'
import { normalize, toSpokenText } from './normalize.ts'
import { openSource } from './source.ts'
import type { TextPiece } from './stream.ts'

/** What a document says, with tags in angle brackets, `|` for a flush and ¶ for a paragraph. */
async function read(text: string | readonly string[], options: { ssml?: boolean } = {}) {
  const source = openSource(text, options)
  const pieces: TextPiece[] = []
  for await (const piece of source.pieces) pieces.push(piece)
  const warnings = source.takeWarnings()
  const tags = source.tags()
  const joined = pieces.map(piece => (typeof piece === 'string' ? piece : '|')).join('')
  if (!tags) return { text: joined, warnings }
  const shown = splitTags(joined, tags).map(part => {
    if (part.kind === 'text') return part.text.replaceAll('\n\n', '¶')
    if (part.kind === 'pause') return `<pause ${part.seconds}>`
    if (part.kind === 'say') return `<${part.text}: ${part.isWords ? part.spoken : toSpokenText(normalize(part.spoken).tokens)}>`
    if (part.kind === 'phonemes') return `<${part.text} /${part.phonemes}/>`
    if (part.kind === 'bookmark') return `<mark ${part.name}>`
    return part.kind === 'style' ? `<style ${JSON.stringify(part.style)}>` : ''
  })
  return { text: shown.join(''), warnings }
}
const speak = (inner: string) => read(`<speak>${inner}</speak>`)

describe('readSsml', () => {
  it.each([
    ['Hello <break time="0.4s"/> world.', 'Hello <pause 0.4> world.'],
    ['Hello.<break/>World.', 'Hello. <pause 0.4> World.'],
    ['A<break strength="none"/>B', 'AB'],
    ['A<break strength="x-strong"/>B', 'A <pause 1.2> B'],
    ['The <sub alias="World Wide Web Consortium">W3C</sub>.', 'The <W3C: World Wide Web Consortium>.'],
    ['<say-as interpret-as="characters">W3C</say-as>', '<W3C: W three C>'],
    ['<say-as interpret-as="spell-out">a-b</say-as>', '<a-b: A dash B>'],
    ['<say-as interpret-as="cardinal">1,234</say-as>', '<1,234: one thousand two hundred thirty-four>'],
    ['<say-as interpret-as="ordinal">22</say-as>', '<22: twenty-second>'],
    ['<say-as interpret-as="telephone">+1 555-0147</say-as>', '<+1 555-0147: plus one, five five five, zero one four seven>'],
    ['<say-as interpret-as="digits">2026</say-as>', '<2026: two zero two six>'],
    ['<say-as interpret-as="date" format="dmy">3/2/2026</say-as>', '<3/2/2026: February third, twenty twenty-six>'],
    ['<say-as interpret-as="date" format="mdy">3/2/2026</say-as>', '<3/2/2026: March second, twenty twenty-six>'],
    ['<say-as interpret-as="date">2026-11-29</say-as>', '<2026-11-29: November twenty-ninth, twenty twenty-six>'],
    ['<say-as interpret-as="date" format="md">11/29</say-as>', '<11/29: November twenty-ninth>'],
    ['<say-as interpret-as="date" format="y">1984</say-as>', '<1984: nineteen eighty-four>'],
    ['<say-as interpret-as="time">7:09pm</say-as>', '<7:09pm: seven oh nine P M>'],
    ['<say-as interpret-as="currency">$3.50</say-as>', '<$3.50: three dollars and fifty cents>'],
    ['<say-as interpret-as="currency">42</say-as>', '<42: forty-two dollars>'],
    ['<say-as interpret-as="fraction">3/4</say-as>', '<3/4: three quarters>'],
    ['<phoneme alphabet="ipa" ph="təˈmɑːtoʊ">tomato</phoneme>', '<tomato /təˈmɑːtoʊ/>'],
    ['<phoneme ph="ʤɪn">gin</phoneme>', '<gin /dʒɪn/>'],
    ['Go <mark name="here"/>now.', 'Go <mark here>now.'],
    ['<p>One.</p><p>Two.</p>', 'One.¶Two.¶'],
    ['<s>One</s><s>Two.</s>', 'One.|Two.'],
    ['<p><s>One</s><s>Two</s></p>Three', 'One.|Two.¶Three'],
    ['<prosody rate="slow">Slow.</prosody> Normal.', ' <style {"rate":0.75}> Slow. <style {}> Normal.'],
    [
      '<prosody rate="150%"><prosody rate="80%">x</prosody></prosody>',
      ' <style {"rate":1.5}> <style {"rate":1.2000000000000002}> x <style {"rate":1.5}> <style {}> ',
    ],
    ['<voice name="heron">Hi.</voice>', ' <style {"voice":"heron"}> Hi. <style {}> '],
    ['fish &amp; chips &lt; &#49;&#x30;', 'fish & chips < 10'],
    ['[pause 1s] and [x](/ə/)', '[pause 1s] and [x](/ə/)'],
    ['a\n   b', 'a b'],
    ['<!-- no --><![CDATA[<b>]]>', '<b>'],
    ['<metadata>x</metadata>y', 'y'],
  ])('reads %s', async (inner, expected) => {
    const { text, warnings } = await speak(inner)
    expect(text).toBe(expected)
    expect(warnings).toEqual([])
  })

  it.each([
    ['<emphasis>very</emphasis> good', 'very good', '<emphasis> is not followed'],
    ['<audio src="x.wav">ding</audio>', 'ding', '<audio> is not followed'],
    ['<break time="soon"/>x', 'x', 'a break of "soon" was left out'],
    ['<break time="60s"/>x', ' <pause 10> x', 'a break of 60 s was made 10 s'],
    ['<prosody pitch="high">x</prosody>', 'x', 'pitch of <prosody> is not followed'],
    ['<prosody rate="9">x</prosody>', ' <style {"rate":2}> x <style {}> ', 'a rate of 9.00 was made 2'],
    ['<prosody rate="quick">x</prosody>', 'x', 'rate="quick" was left out'],
    ['<phoneme alphabet="x-sampa" ph="t@">tomato</phoneme>', 'tomato', 'in alphabet "x-sampa" was left out'],
    ['<say-as interpret-as="cardinal">many</say-as>', 'many', '"many" cannot be said as "cardinal"'],
    ['<say-as interpret-as="rot13">uryyb</say-as>', 'uryyb', 'cannot be said as "rot13"'],
    ['<sub>x</sub>', 'x', '<sub> without an alias'],
    ['<mark/>x', 'x', 'a mark without a name'],
    ['a <b>c', 'a c', '<b> is not followed'],
    ['a & b', 'a & b', 'is not well-formed'],
    ['&unknown;', '&unknown;', 'is not well-formed'],
  ])('reads %s and says what it did not follow', async (inner, expected, warning) => {
    const { text, warnings } = await speak(inner)
    expect(text).toBe(expected)
    expect(warnings.join('\n')).toContain(warning)
  })

  it('expands no entities of a document type', async () => {
    const bomb = '<!DOCTYPE s [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><speak>x &b;</speak>'
    const { text, warnings } = await read(bomb, { ssml: true })
    expect(text).toBe('x &b;')
    expect(warnings.join()).toContain('document type was left out')
  })

  it('is asked for by the text, or by the caller', async () => {
    expect((await read('<speak>Hi</speak>', { ssml: false })).text).toBe('<speak>Hi</speak>')
    expect((await read('Hi <break time="1s"/>', { ssml: true })).text).toBe('Hi <pause 1> ')
    expect((await read('  <speak version="1.1">Hi</speak>')).text).toBe(' Hi')
    expect((await read('<speaker>Hi')).text).toBe('<speaker>Hi')
    expect((await read('<spe')).text).toBe('<spe')
  })

  it('reads pieces cut anywhere as it reads the whole, and never throws', async () => {
    const whole =
      '<speak><p>One <break time="1s"/> two.</p><s>Thr&amp;ee</s> <sub alias="x y">z</sub> [a] &amp; <voice name="v">b</voice></speak>'
    const tokens = [
      '<',
      '>',
      '/',
      'speak',
      ' ',
      '"',
      '=',
      '&',
      ';',
      '<p>',
      '</s>',
      '<!',
      '<![CDATA[',
      ']]>',
      'a',
      '<speak>',
      '\ud800',
      '\u{f0000}',
    ]
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(whole.length)), fc.array(fc.constantFrom(...tokens)), async (cuts, mess) => {
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length]
        const pieces = at.slice(1).map((end, i) => whole.slice(at[i], end))
        expect(await read(pieces)).toEqual(await read(whole))
        await read(`<speak>${mess.join('')}`)
      }),
      { numRuns: 60 },
    )
  })

  it('takes no numbered entity for a tag', async () => {
    const { text } = await speak('A <break time="1s"/> B &#xf0000; <![CDATA[\u{f0000}]]> C')
    expect(text).toBe('A <pause 1> B \ufffd \ufffd C')
  })

  it('bounds what an element holds and how deep elements lie', async () => {
    const deep = await speak('<prosody rate="fast">'.repeat(200))
    expect(deep.warnings.join()).toContain('elements deeper than 50')
    expect((await speak(`<sub alias="x">${'y'.repeat(100_000)}</sub>`)).text).toContain(': x>')
  })
})
