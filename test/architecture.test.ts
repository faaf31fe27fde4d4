import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Which of our packages each package may import: the arrows of DESIGN.md. Everything points one way, and codec, lm and vocoder never meet.
 * cli reaches past core for two things that are no business of whoever speaks: reading any checkpoint or recording (`inspect`, `vocode`, `codec`), and probing devices (`doctor`).
 */
const arrows: Readonly<Record<string, readonly string[]>> = {
  onnx: [],
  audio: ['onnx'],
  codec: ['onnx', 'audio'],
  lm: ['onnx'],
  vocoder: ['onnx', 'audio'],
  core: ['onnx', 'audio', 'codec', 'lm', 'vocoder'],
  server: ['audio', 'core'], // audio only in its tests
  'ai-sdk': ['core'],
  livekit: ['core'],
  mcp: ['core', 'server'],
  cli: ['onnx', 'audio', 'core', 'server', 'mcp'],
}
const packages = Object.keys(arrows)

interface Import {
  readonly file: string
  readonly specifier: string
}

interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string
  readonly tree: ts.SourceFile
  /** In the order of the file. */
  readonly imports: readonly Import[]
  readonly isTest: boolean
}

function readSources(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map(name => `${folder}/${name.split(sep).join('/')}`)
    .filter(path => /\.ts$/.test(path) && !path.includes('/node_modules/') && !path.includes('/dist/') && !path.includes('/fixtures/'))
    .map(path => ({ path, tree: ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.ES2023, true) }))
    .map(({ path, tree }) => ({
      path,
      tree,
      imports: importsOf(path, tree),
      isTest: /\.(test|test-d|fixture|contract|bench)\.ts$/.test(path),
    }))
}

/** Every node of a tree, parents first. */
function* walk(node: ts.Node): Generator<ts.Node> {
  yield node
  const children: ts.Node[] = []
  ts.forEachChild(node, child => {
    children.push(child)
  })
  for (const child of children) yield* walk(child)
}

/** What a file imports: `import`, `export … from`, `import()` and `import('…').Type`. */
function importsOf(path: string, tree: ts.SourceFile): Import[] {
  const imports: Import[] = []
  const add = (node: ts.Node | undefined) => {
    if (node && ts.isStringLiteralLike(node)) imports.push({ file: path, specifier: node.text })
  }
  for (const node of walk(tree)) {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0])
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal)
  }
  return imports
}

const sources = new Map(packages.map(name => [name, readSources(`packages/${name}/src`)]))
const outside = ['examples', 'test'].flatMap(readSources)
const everything = [...[...sources.values()].flat(), ...outside]
const isRelative = (specifier: string) => /^\.{1,2}(\/|$)/.test(specifier)
const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
const show = ({ file, specifier }: Import) => `${file} imports ${specifier}`

describe('the repository', () => {
  it('has source files in every package, and no package that this test does not know', () => {
    for (const name of packages) expect(sources.get(name)!.length, name).toBeGreaterThan(0)
    const found = readdirSync(join(root, 'packages')).filter(name => existsSync(join(root, 'packages', name, 'src')))
    expect(found.sort()).toEqual([...packages].sort())
  })

  it.each(packages)('%s imports only packages that its arrows allow', name => {
    const allowed = new Set(arrows[name]!.map(target => `@mynah/${target}`))
    const wrong = sources
      .get(name)!
      .flatMap(source => source.imports)
      .filter(({ specifier }) => specifier.startsWith('@mynah/') && !allowed.has(packageOf(specifier)))
    expect(wrong.map(show)).toEqual([])
  })

  it.each(packages)('%s declares what it imports, and imports what it declares', name => {
    const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    const used = sources
      .get(name)!
      .filter(source => !source.isTest)
      .flatMap(source => source.imports)
      .filter(({ specifier }) => !isRelative(specifier) && !specifier.startsWith('node:'))
    expect(used.filter(({ specifier }) => !declared.includes(packageOf(specifier))).map(show)).toEqual([])
    const foundByName = [
      '@mynah/voice-en',
      'phonemizer',
      'wink-nlp',
      'wink-eng-lite-web-model',
      'dictionary-en',
      '@huggingface/transformers',
    ] // resolved at run time, by name
    expect(declared.filter(each => !used.some(({ specifier }) => packageOf(specifier) === each) && !foundByName.includes(each))).toEqual([])
  })

  it('reaches other packages by their public names only: no internals, no path across a package', () => {
    const deep = everything.flatMap(source => source.imports).filter(({ specifier }) => /^@mynah\/[^/]+\//.test(specifier))
    expect(deep.map(show)).toEqual([])
    const home = (path: string) => (path.startsWith('packages/') ? path.split('/').slice(0, 2).join('/') : path.split('/')[0]!)
    const strays = everything
      .flatMap(source => source.imports)
      .filter(({ file, specifier }) => {
        if (!isRelative(specifier)) return false
        const target = relative(root, resolve(root, dirname(file), specifier))
          .split(sep)
          .join('/')
        return !target.startsWith(`${home(file)}/`)
      })
    expect(strays.map(show)).toEqual([])
  })

  it('writes relative imports with their ending, and built-in modules with node:', () => {
    const imports = everything.flatMap(source => source.imports)
    expect(imports.filter(({ specifier }) => isRelative(specifier) && !/\.(ts|json)$/.test(specifier)).map(show)).toEqual([])
    expect(imports.filter(({ specifier }) => builtinModules.includes(specifier)).map(show)).toEqual([])
  })

  it('has no circle of imports, not even of types', () => {
    const files = new Map([...sources.values()].flat().map(source => [source.path, source]))
    const targets = ({ path, imports }: SourceFile) =>
      imports.filter(({ specifier }) => isRelative(specifier)).map(({ specifier }) => posix.join(posix.dirname(path), specifier))
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (path: string, trail: readonly string[]) => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
      const source = files.get(path)
      if (!source || done.has(path) || trail.includes(path)) return
      for (const target of targets(source)) visit(target, [...trail, path])
      done.add(path)
    }
    for (const path of files.keys()) visit(path, [])
    expect(circles).toEqual([])
  })

  it.each(['codec', 'lm', 'vocoder'])("%s keeps its papers apart: no file of an architecture imports another's", name => {
    const roomOf = (path: string) => /\/architectures\/([^/]+?)(?:\/|\.(?:test\.)?ts$)/.exec(path)?.[1]
    const wrong = sources
      .get(name)!
      .flatMap(source => source.imports)
      .filter(({ file, specifier }) => {
        const from = roomOf(file)
        const to = isRelative(specifier) ? roomOf(posix.join(posix.dirname(file), specifier)) : undefined
        return from !== undefined && to !== undefined && from !== 'index' && from !== to
      })
    expect(wrong.map(show)).toEqual([])
  })

  it.each(['codec', 'lm', 'vocoder'])('%s has one contract for its models, and one list of them', name => {
    const texts = sources.get(name)!.filter(({ isTest }) => !isTest)
    const contracts = texts.filter(
      ({ tree }) => /\bArchitecture<\w+Description>/.test(tree.text) && /\/src\/architecture\.ts$/.test(tree.fileName),
    )
    expect(contracts.map(({ path }) => path)).toEqual([`packages/${name}/src/architecture.ts`])
    const named = sources.get(name)!.flatMap(({ tree }) => [...walk(tree)].filter(node => ts.isTypeAliasDeclaration(node)))
    const own = named.filter(node => /Architecture$/.test(node.name.text))
    expect(own.map(node => node.type.getText())).toEqual([expect.stringMatching(/^Architecture<\w+Description>$/)])
    const lists = texts.filter(({ path }) => path.endsWith('/architectures/index.ts'))
    expect(lists).toHaveLength(1)
  })

  /** Switches over opcodes and tables of names, which are no shorter for being cut. */
  const longFunctions = ['readPickle', 'createTorchHost']

  it('has files of at most 350 lines, half of them of at most 120', () => {
    const lengths = [...sources.values()]
      .flat()
      .filter(({ isTest }) => !isTest)
      .map(({ path, tree }) => ({ path, lines: tree.getLineStarts().length - 1 }))
    const long = lengths.filter(({ lines }) => lines > 350)
    expect(long).toEqual([])
    const ofModels = lengths.filter(({ path }) => /^packages\/(onnx|codec|vocoder)\/src\/(?!runtime\/)/.test(path))
    for (const group of [lengths, ofModels]) {
      const sorted = group.map(({ lines }) => lines).sort((a, b) => a - b)
      expect(sorted[sorted.length >> 1]).toBeLessThanOrEqual(120)
    }
  })

  it('has functions of at most 80 lines', () => {
    const found: string[] = []
    for (const { path, tree, isTest } of [...sources.values()].flat()) {
      if (isTest) continue
      const lineOf = (position: number) => tree.getLineAndCharacterOfPosition(position).line
      for (const node of walk(tree)) {
        if (!ts.isFunctionLike(node)) continue
        const lines = lineOf(node.end) - lineOf(node.getStart()) + 1
        const name = node.name?.getText() ?? 'a function'
        if (lines > 80 && !longFunctions.includes(name)) found.push(`${path}: ${name} has ${lines} lines`)
      }
    }
    expect(found).toEqual([])
  })

  it('has no default exports', () => {
    const found = everything.filter(({ tree }) =>
      tree.statements.some(
        statement =>
          ts.isExportAssignment(statement) ||
          (ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)) ||
          (ts.isExportDeclaration(statement) &&
            statement.exportClause !== undefined &&
            ts.isNamedExports(statement.exportClause) &&
            statement.exportClause.elements.some(({ name }) => name.text === 'default')),
      ),
    )
    expect(found.map(({ path }) => path)).toEqual([])
  })

  it('never writes to the console in a package: libraries return warnings, the command line has streams', () => {
    const isCall = (node: ts.Node) =>
      ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && node.expression.expression.getText() === 'console'
    const found = [...sources.values()].flat().filter(({ tree }) => [...walk(tree)].some(isCall))
    expect(found.map(({ path }) => path)).toEqual([])
  })
})

describe('the public API', () => {
  const libraries = packages.filter(name => name !== 'cli')
  const indexOf = (name: string) => join(root, 'packages', name, 'src', 'index.ts')
  let program: ts.Program

  beforeAll(() => {
    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
    program = ts.createProgram(libraries.map(indexOf), options)
  })

  it.each(libraries)('%s has a doc comment on every export', name => {
    const checker = program.getTypeChecker()
    const index = program.getSourceFile(indexOf(name))!
    const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(index)!)
    expect(exported.length, 'exports').toBeGreaterThan(0)
    const bare = exported.filter(symbol => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
      return target.getDocumentationComment(checker).length === 0 && target.getJsDocTags(checker).length === 0
    })
    expect(bare.map(symbol => symbol.name)).toEqual([])
  })
})
