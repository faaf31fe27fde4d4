import type { TextPart } from './stream.ts'

/** What becomes of a part of a document that cannot be read aloud well: it is left out with a warning, named in its place, or read all the same. */
export type BlockReading = (typeof blockReadings)[number]
/** Every one of them. */
export const blockReadings = ['skip', 'announce', 'read'] as const

/** How the blocks of a document are read. */
export interface DocumentOptions {
  /** Code between fences; left out by default. */
  readonly codeBlocks?: BlockReading | undefined
  /** Tables of Markdown; left out by default. `read` makes a sentence of each row. */
  readonly tables?: BlockReading | undefined
}

/** A line that is longer is text, so that no more has to be held. */
const MAX_LINE = 4000
/** Begins a line that has to be known whole: a fence, a row of a table, the address of a link, a comment. */
const BLOCK = /^[ \t]{0,8}(?:`{3}|~{3}|\||\[[^[\]\n^]{1,60}\]:[ \t]|<!--)/
/** What may still become one. */
const MAYBE_BLOCK = /^[ \t]{0,8}(?:`{0,2}|~{0,2}|\[[^[\]\n^]{0,60}(?:\]:?)?|<!?-?)$/
const FENCE = /^[ \t]{0,8}(`{3,}|~{3,})[ \t]*([\w+#.-]{0,30})/
const ROW = /^[ \t]{0,8}\|.*\|[ \t]*$/
const DELIMITER = /^[ \t]{0,8}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/
const DEFINITION = /^[ \t]{0,8}\[[^[\]\n^]{1,60}\]:[ \t]+<?(?:\S+[:/.#]\S*|#\S*)>?(?:[ \t]+["'(].*["')])?[ \t]*$/

/**
 * Takes the blocks out of a text that are not prose: code between fences, tables, comments and the addresses of links. Line by line, so that a stream waits only for lines
 * that begin like a block.
 * @param warn is told what was left out
 */
export async function* readDocument(
  pieces: AsyncIterable<TextPart>,
  options: DocumentOptions,
  warn: (warning: string) => void,
): AsyncGenerator<TextPart, void, undefined> {
  const reader = new DocumentReader(options, warn)
  for await (const piece of pieces) {
    const read = typeof piece === 'string' ? reader.write(piece) : piece
    if (read !== '') yield read
  }
  const rest = reader.finish()
  if (rest !== '') yield rest
}

/** A block of code that is open. */
interface Fence {
  readonly sign: string
  readonly language: string
  /** Lines behind it. */
  lines: number
}

class DocumentReader {
  readonly #options: DocumentOptions
  readonly #warn: (warning: string) => void
  #held = ''
  #startsLine = true
  #fence: Fence | undefined
  #isComment = false
  #rows: string[] = []

  constructor(options: DocumentOptions, warn: (warning: string) => void) {
    this.#options = options
    this.#warn = warn
  }

  write(text: string): string {
    this.#held += text
    return this.#drain(false)
  }

  finish(): string {
    const text = this.#drain(true)
    const table = this.#endTable()
    return text + table + (this.#fence ? this.#endCode(this.#fence) : '')
  }

  #drain(isLast: boolean): string {
    let read = ''
    while (this.#held !== '') {
      const end = this.#held.indexOf('\n')
      const isWhole = end >= 0 || isLast
      if (!this.#startsLine) {
        const length = end < 0 ? this.#held.length : end + 1
        read += this.#held.slice(0, length)
        this.#held = this.#held.slice(length)
        this.#startsLine = end >= 0
        continue
      }
      const line = end < 0 ? this.#held : this.#held.slice(0, end)
      const isInside = this.#fence !== undefined || this.#isComment || this.#rows.length > 0
      const isBlock = isInside || BLOCK.test(line)
      if (!isWhole && line.length <= MAX_LINE && (isBlock || MAYBE_BLOCK.test(line))) break
      if (isBlock && isWhole) {
        this.#held = this.#held.slice(end < 0 ? this.#held.length : end + 1)
        read += this.#readLine(line, end < 0 ? '' : '\n')
      } else this.#startsLine = false
    }
    return read
  }

  #readLine(line: string, newline: string): string {
    if (this.#fence) return this.#readCode(this.#fence, line, newline)
    if (this.#isComment) return this.#readComment(line, newline)
    if (ROW.test(line) || (this.#rows.length > 0 && DELIMITER.test(line))) {
      this.#rows.push(line)
      return ''
    }
    const before = this.#endTable()
    const fence = FENCE.exec(line)
    if (fence) {
      this.#fence = { sign: fence[1] as string, language: fence[2] as string, lines: 0 }
      return before
    }
    if (/^[ \t]*<!--/.test(line)) return before + this.#readComment(line, newline)
    return before + (DEFINITION.test(line) ? newline : line + newline)
  }

  #readCode(fence: Fence, line: string, newline: string): string {
    const isEnd = line.trim().startsWith(fence.sign) && /^[`~]+$/.test(line.trim())
    if (isEnd) return this.#endCode(fence)
    fence.lines += 1
    return this.#options.codeBlocks === 'read' ? line + newline : ''
  }

  #endCode({ language, lines }: Fence): string {
    this.#fence = undefined
    const { codeBlocks = 'skip' } = this.#options
    if (codeBlocks === 'read') return '\n'
    if (codeBlocks === 'announce') return `\n\nCode block${language ? ` in ${language}` : ''}.\n\n`
    this.#warn(`left out a block of code of ${count(lines, 'line')}; codeBlocks: 'announce' names it, 'read' reads it`)
    return '\n\n'
  }

  #readComment(line: string, newline: string): string {
    const end = line.indexOf('-->')
    this.#isComment = end < 0
    return end < 0 ? '' : line.slice(end + 3) + newline
  }

  #endTable(): string {
    const rows = this.#rows
    this.#rows = []
    if (rows.length === 0) return ''
    if (rows.length === 1) return `${rows[0]}\n`
    const cells = rows.filter(row => !DELIMITER.test(row)).map(cellsOf)
    const columns = Math.max(...cells.map(row => row.length))
    const { tables = 'skip' } = this.#options
    const size = `${count(columns, 'column')} and ${count(cells.length, 'row')}`
    if (tables === 'announce') return `\n\nTable with ${size}.\n\n`
    if (tables === 'read') return `\n\n${cells.map(row => `${row.filter(cell => cell !== '').join(', ')}.`).join('\n\n')}\n\n`
    this.#warn(`left out a table of ${size}; tables: 'announce' names it, 'read' reads it row by row`)
    return '\n\n'
  }
}

const cellsOf = (row: string) =>
  row
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map(cell => cell.trim().replaceAll('\\|', '|').replace(/[.]$/, ''))
const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`
