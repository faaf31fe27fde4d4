import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const markdownIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map(name => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter(path => path.endsWith('.md'))

// Decisions and history tell of their own time; docs/api is made by typedoc.
const pages = ['README.md', 'CONTRIBUTING.md', ...markdownIn('docs').filter(path => !/^docs\/(decisions|history|api)\//.test(path))]
const read = (page: string) => readFileSync(join(root, page), 'utf8').replace(/^```.*?^```$/gms, '')
const codeIn = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!)
/** Stands for a name that the reader chooses, or for something made by a script. */
const isPlaceholder = (path: string) => /NAME|CATEGORY|\bmy-|docs\/api|[{}*]/.test(path)
const packages = readdirSync(join(root, 'packages'))

describe('the docs', () => {
  it('name only files and folders of the repository that exist', () => {
    const isPath = (code: string) => /^[\w.-]+(\/[\w.*{},-]+)+\/?$/.test(code)
    const tops = ['packages', 'test', 'training', 'docs', 'examples', ...packages]
    const missing = pages.flatMap(page =>
      codeIn(read(page))
        .filter(code => isPath(code) && tops.includes(code.split('/')[0]!) && !isPlaceholder(code))
        .filter(path => ![path, `packages/${path}`, join(dirname(page), path)].some(each => existsSync(join(root, each))))
        .map(path => `${page}: ${path}`),
    )
    expect(missing).toEqual([])
  })

  it('link only to pages that exist', () => {
    const broken = pages.flatMap(page =>
      [...read(page).matchAll(/\]\((?!https?:|mailto:|#|\/)([^)\s#]+)/g)]
        .map(([, target]) => target!)
        .filter(target => !isPlaceholder(target) && !existsSync(join(root, dirname(page), target)))
        .map(target => `${page}: ${target}`),
    )
    expect(broken).toEqual([])
  })

  it('name only functions and files that the models are made of', () => {
    const files = packages
      .filter(name => existsSync(join(root, 'packages', name, 'src')))
      .flatMap(name =>
        readdirSync(join(root, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' }).map(file =>
          join(root, 'packages', name, 'src', file),
        ),
      )
      .filter(file => /\.ts$/.test(file))
    const source = files.map(file => readFileSync(file, 'utf8')).join('\n')
    const words = new Set(source.match(/\w+/g))
    const names = new Set(files.map(file => file.split(/[\\/]/).at(-1)!))
    const wrong = pages
      .filter(page => page.startsWith('docs/models/'))
      .flatMap(page => codeIn(read(page)).map(code => ({ page, code })))
      .filter(({ code }) => (/^[a-z]+[A-Z]\w*$/.test(code) ? !words.has(code) : /^[\w-]+\.ts$/.test(code) && !names.has(code)))
    expect(wrong).toEqual([])
  })
})
