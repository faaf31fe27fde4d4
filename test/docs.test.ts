import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeAudio, encodeWav, toMono } from '@mynah/audio'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sourceFlags } from './bench/child.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const hasModel = existsSync(join(root, 'packages/voice-en/bundle.json'))
/** A process loads the whole of Mynah from source: seconds, or a minute on a busy machine. */
const timeout = 240_000
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const guides = readdirSync(join(root, 'docs/guide')).filter(name => name.endsWith('.md'))
const pages = ['README.md', ...guides.map(name => `docs/guide/${name}`)]
const blocks = pages.flatMap(page =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, code], index) => ({
    page,
    language,
    code: code!,
    title: `${page}, block ${index + 1}: ${code!.split('\n')[0]}`,
  })),
)
const programs = blocks.filter(
  ({ language, code }) => ['ts', 'js'].includes(language!) && /from '@mynah\/(core|codec|vocoder|audio)'/.test(code),
)
// What docs/guide/train.md speaks with takes an hour to train; its commands are parsed by training/tests.
const commandLines = blocks
  .filter(({ language, page }) => language === 'sh' && page !== 'docs/guide/train.md')
  .flatMap(({ code }) => code.trim().split('\n'))

/** Splits a shell line into words: spaces divide, double quotes join, # begins a comment. */
function toWords(line: string): string[] {
  const words = [...line.matchAll(/#.*$|"([^"]*)"|[^\s"]+/g)].filter(([word]) => !word.startsWith('#'))
  return words.map(([word, quoted]) => quoted ?? word)
}

/** The codes that a source file gives to its errors: `code: 'x'`, `code: wrong ? 'x' : 'y'`, and types named …ErrorCode. */
function errorCodes(source: string): string[] {
  const given = [...source.matchAll(/\bcode: (?:[\w.]+ \? )?'([a-z0-9-]+)'(?: : '([a-z0-9-]+)')?/g)]
  const types = [...source.matchAll(/type \w*ErrorCode = ([^\n]*)/g)].flatMap(([, union]) => [...union!.matchAll(/'([a-z0-9-]+)'/g)])
  return [...given, ...types].flatMap(([, ...found]) => found.filter(code => code !== undefined))
}

describe('the README', () => {
  it('is at most 7 KB long, and has only blocks that a test runs', () => {
    expect(readme.length).toBeLessThanOrEqual(7 * 1024)
    const its = blocks.filter(({ page }) => page === 'README.md')
    expect(its.filter(block => block.language !== 'sh' && !programs.includes(block))).toEqual([])
    expect(its.length).toBeGreaterThanOrEqual(4)
  })

  it('names scripts that exist, the two first exactly', () => {
    expect(commandLines.slice(0, 2).map(line => toWords(line).join(' '))).toEqual(['npx -y pnpm@10 hello', 'npx -y pnpm@10 verify'])
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const named = [...readme.matchAll(/(?:`pnpm|pnpm@10) ([a-z]+)[\s`]/g)].map(([, script]) => script!)
    expect(named.filter(script => !(script in scripts))).toEqual([])
  })

  it('and the other documents link only to files that exist', () => {
    const documents = [
      'README.md',
      'CONTRIBUTING.md',
      ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map(name => join('docs', name)),
    ]
    const dead = documents
      .filter(name => name.endsWith('.md'))
      .flatMap(name =>
        [...readFileSync(join(root, name), 'utf8').matchAll(/\]\((?!https?:|#)([^)\s#]+)[^)\s]*\)/g)]
          .map(([, target]) => target!)
          .filter(target => !target.startsWith('/') && !existsSync(join(root, dirname(name), target)))
          .map(target => `${name} links to ${target}`),
      )
    expect(dead).toEqual([])
  })
})

describe('the documents', () => {
  const isSource = (name: string) => name.endsWith('.ts') && !/\.(test|fixture|contract|bench|test-d)\.ts$/.test(name)
  const sources = readdirSync(join(root, 'packages'), { recursive: true, encoding: 'utf8' })
    .filter(name => /^[^/\\]+[/\\]src[/\\]/.test(name) && isSource(name))
    .map(name => readFileSync(join(root, 'packages', name), 'utf8'))

  it('explain every error code, and none that no source names', () => {
    const page = readFileSync(join(root, 'docs/guide/errors.md'), 'utf8')
    const cells = [...page.matchAll(/^\| (`[^|]*`) \|/gm)].map(([, cell]) => cell!)
    const explained = new Set(cells.flatMap(cell => [...cell.matchAll(/`([a-z0-9-]+)`/g)].map(([, code]) => code!)))
    const given = sources.flatMap(errorCodes).filter(code => !explained.has(code))
    expect([...new Set(given)].sort(), 'missing in docs/guide/errors.md').toEqual([])
    expect([...explained].filter(code => !sources.some(source => source.includes(`'${code}'`)))).toEqual([])
  })

  it('cite nothing that a clone does not have', () => {
    const cited = [...pages, 'CONTRIBUTING.md'].filter(name => readFileSync(join(root, name), 'utf8').includes('../shared'))
    expect(cited).toEqual([])
  })
})

describe.skipIf(!hasModel)(
  `the code of README and guides${hasModel ? '' : ' (skipped: packages/voice-en has no bundle.json)'}`,
  { timeout },
  () => {
    let folder: string
    const run = (script: string, words: readonly string[]) =>
      promisify(execFile)(process.execPath, [...sourceFlags, script, ...words], { cwd: folder })

    beforeAll(async () => {
      // Inside of the repository, so that @mynah/core is found as in a user's project.
      mkdirSync(join(root, '.cache'), { recursive: true })
      folder = mkdtempSync(join(root, '.cache', 'readme-'))
      const { channels, sampleRate } = await decodeAudio(readFileSync(join(root, 'examples/recording.opus')))
      writeFileSync(join(folder, 'me.wav'), encodeWav(toMono({ channels }), sampleRate))
      // Tiny checkpoints under the names of the published ones.
      const golden = join(root, 'test/fixtures/golden')
      mkdirSync(join(folder, 'hifi-gan'))
      copyFileSync(join(golden, 'hifi-gan/v1/g_00001000'), join(folder, 'hifi-gan/generator_v1'))
      copyFileSync(join(golden, 'hifi-gan/v1/config.json'), join(folder, 'hifi-gan/config.json'))
      copyFileSync(join(golden, 'encodec/24khz/encodec_24khz-00000000.th'), join(folder, 'encodec.th'))
      copyFileSync(join(golden, 'encodec/24khz/config.json'), join(folder, 'config.json'))
      copyFileSync(join(golden, 'encodec/24khz/encodec_24khz-00000000.th'), join(folder, 'encodec_24khz-d7cc33bc.th'))
    })
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    it.each(programs)('$title', async ({ code, language }) => {
      const script = join(folder, `block.${language === 'js' ? 'mjs' : 'ts'}`)
      writeFileSync(script, code)
      const { stderr } = await run(script, [])
      expect(stderr).toBe('')
      for (const [, out] of code.matchAll(/(?:save|createWriteStream)\('([^']+)'\)/g))
        expect(readFileSync(join(folder, out!)).length).toBeGreaterThan(1000)
    })

    it.each(commandLines.filter(line => line.startsWith('mynah ')))('%s', async line => {
      const words = toWords(line).slice(1)
      const { stdout, stderr } = await run(join(root, 'packages/cli/src/main.ts'), words) // rejects unless the exit code is 0
      expect(stdout + stderr).not.toBe('')
      const outputs = words.filter((_, index) => ['--out', '--png', '--svg'].includes(words[index - 1]!))
      for (const out of outputs) {
        const path = join(folder, out)
        const written = statSync(path).isDirectory() ? readdirSync(path).map(name => join(path, name)) : [path]
        expect(written.reduce((bytes, file) => bytes + statSync(file).size, 0)).toBeGreaterThan(1000)
      }
    })
  },
)
