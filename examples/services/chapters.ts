/**
 * A long text to an audio file and captions for each chapter. A chapter begins at a line "# Title" (pandoc makes that of an EPUB: pandoc book.epub -t markdown -o book.md).
 *   npx tsx --conditions=@mynah/source examples/services/chapters.ts book.md spoken
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createSynthesizer } from '@mynah/core'

const [file, out = 'spoken'] = process.argv.slice(2)
const text = file ? await readFile(file, 'utf8') : '# One\n\nIt was a dark night.\n\n# Two\n\nThe sun rose.\n'
const chapters = text
  .split(/^(?=# )/m)
  .map(chapter => chapter.replace(/^# (.*)\n/, '$1.\n\n').trim())
  .filter(Boolean)

await mkdir(out, { recursive: true })
await using mynah = await createSynthesizer({ workers: 2 })
await Promise.all(
  chapters.map(async (chapter, index) => {
    const name = join(out, String(index + 1).padStart(3, '0'))
    const speech = await mynah.synthesize(chapter, { voice: 'heron', seed: index })
    await speech.save(`${name}.mp3`)
    await writeFile(`${name}.srt`, speech.toSrt())
    console.log(`${name}.mp3: ${speech.durationSeconds.toFixed(1)} s`)
  }),
)
