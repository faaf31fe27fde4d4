import { type DocumentOptions, readDocument } from './document.ts'
import { beginsSsml, readSsml } from './ssml.ts'
import { readPieces, type TextPart, type TextSource } from './stream.ts'
import { createTags, type Tags } from './tags.ts'

/** How a source is understood. */
export interface SourceOptions extends DocumentOptions {
  /** Whether the text is SSML; by default, whether it begins with `<speak>`. */
  readonly ssml?: boolean | undefined
}

/** A source, on its way to sentences. */
export interface OpenedSource {
  readonly pieces: AsyncIterable<TextPart>
  /** Tags that stand in the pieces; undefined before the first piece, and for text that is no SSML. */
  tags(): Tags | undefined
  /** What was left out or not followed since the last call. */
  takeWarnings(): string[]
}

/** Opens a text, whole or in pieces, of whatever kind it is. */
export function openSource(source: TextSource, options: SourceOptions = {}): OpenedSource {
  let tags: Tags | undefined
  let warnings: string[] = []
  const warn = (warning: string) => warnings.push(warning)

  async function* read(): AsyncGenerator<TextPart, void, undefined> {
    const pieces = readPieces(source)
    const head: TextPart[] = []
    let isSsml = options.ssml
    for (let text = ''; isSsml === undefined; ) {
      const next = await pieces.next()
      const piece = next.done ? undefined : next.value
      if (typeof piece === 'string') text += piece
      if (piece !== undefined) head.push(piece)
      isSsml = next.done || (typeof piece === 'object' && text.trim() !== '') ? (beginsSsml(text) ?? false) : beginsSsml(text)
    }
    const all = joined(head, pieces)
    if (!isSsml) return yield* readDocument(all, options, warn)
    tags = createTags()
    yield* readSsml(all, tags, warn)
  }

  return {
    pieces: read(),
    tags: () => tags,
    takeWarnings() {
      const taken = warnings
      warnings = []
      return taken
    },
  }
}

async function* joined(head: readonly TextPart[], rest: AsyncIterable<TextPart>): AsyncGenerator<TextPart, void, undefined> {
  yield* head
  yield* rest
}
