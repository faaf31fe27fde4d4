import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DocumentOptions, readDocument } from './document.ts'
import { openSource } from './source.ts'

async function read(pieces: string | readonly string[], options: DocumentOptions = {}) {
  const warnings: string[] = []
  async function* source() {
    yield* typeof pieces === 'string' ? [pieces] : pieces
  }
  let text = ''
  for await (const piece of readDocument(source(), options, warning => warnings.push(warning))) text += piece
  return { text, warnings }
}

const code = 'Before.\n```js\nconst a = 1\n\nreturn\n```\nAfter.'
const table = 'Before.\n\n| Name | Age |\n|:--|--:|\n| Ann | 5 |\n| Bob | |\n\nAfter.'

describe('readDocument', () => {
  it('leaves code out and says so, names it, or reads it', async () => {
    expect(await read(code)).toEqual({ text: 'Before.\n\n\nAfter.', warnings: [expect.stringContaining('a block of code of 3 lines')] })
    expect(await read(code, { codeBlocks: 'announce' })).toEqual({ text: 'Before.\n\n\nCode block in js.\n\nAfter.', warnings: [] })
    expect((await read(code, { codeBlocks: 'read' })).text).toBe('Before.\nconst a = 1\n\nreturn\n\nAfter.')
  })

  it('leaves tables out and says so, names them, or makes a sentence of each row', async () => {
    expect(await read(table)).toEqual({
      text: 'Before.\n\n\n\n\nAfter.',
      warnings: [expect.stringContaining('a table of 2 columns and 3 rows')],
    })
    expect((await read(table, { tables: 'announce' })).text).toContain('Table with 2 columns and 3 rows.')
    expect((await read(table, { tables: 'read' })).text).toContain('Name, Age.\n\nAnn, 5.\n\nBob.')
  })

  it('leaves out comments and the addresses of links, which nobody reads', async () => {
    expect(await read('One.\n<!-- two\nthree -->\n[ref]: https://example.com/x "Title"\nFour.')).toEqual({
      text: 'One.\n\n\nFour.',
      warnings: [],
    })
  })

  it.each([
    'a | b | c',
    '|x| is positive',
    'a `b` c',
    '``',
    '~',
    '[note]: see below',
    '[x] y',
    '|',
    'Plain.\n\nText.',
    '  indented',
    '<b>x</b>',
    '',
  ])('leaves %j as it is', async text => expect((await read(text)).text.trimEnd()).toBe(text))

  it('ends a block that is never closed with the text', async () => {
    expect(await read('```\nx\ny')).toEqual({ text: '\n\n', warnings: [expect.stringContaining('2 lines')] })
    expect((await read('| a |\n| b |')).warnings).toEqual([expect.stringContaining('1 column and 2 rows')])
  })

  it('gives text that begins no block at once', async () => {
    const given: string[] = []
    async function* source() {
      yield 'Hel'
      given.push('Hel')
      yield 'lo'
      given.push('lo')
    }
    const seen: string[] = []
    for await (const piece of readDocument(source(), {}, () => undefined)) seen.push(`${piece} after ${given.length}`)
    expect(seen).toEqual(['Hel after 0', 'lo after 1'])
  })

  it('reads pieces cut anywhere as it reads the whole', async () => {
    const lines = [
      '```',
      '~~~',
      '| a | b |',
      '|--|--|',
      'text',
      '',
      '[r]: http://x.y',
      '<!-- c',
      '-->',
      '`x`',
      '|',
      '[pause 1s]',
      '  - item',
    ]
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...lines)), fc.array(fc.nat(200)), async (chosen, cuts) => {
        const whole = chosen.join('\n')
        const at = [0, ...cuts.filter(cut => cut < whole.length).sort((a, b) => a - b), whole.length]
        expect(await read(at.slice(1).map((end, i) => whole.slice(at[i], end)))).toEqual(await read(whole))
      }),
      { numRuns: 100 },
    )
  })

  it('holds a line no longer than its limit', async () => {
    expect((await read(`|${'x'.repeat(50_000)}`)).text).toHaveLength(50_001)
  })

  it('is how a text that is no SSML is opened', async () => {
    const source = openSource(['Hi.\n``', '`\nx\n```\nBye.'])
    let text = ''
    for await (const piece of source.pieces) text += piece
    expect(text).toBe('Hi.\n\n\nBye.')
    expect(source.takeWarnings()).toHaveLength(1)
  })
})
