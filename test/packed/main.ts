/**
 * `pnpm test:packed`: what a user installs, outside of this workspace. Packs @mynah/core, @mynah/cli and what they need, installs the tarballs
 * with npm into an empty project, speaks there from plain JavaScript, from the command line and from a bundle, and prints the sizes that
 * docs/guide/bundling.md names. Needs the npm registry.
 */
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeAudio, toMono } from '@mynah/audio'

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const print = (line: string) => process.stdout.write(`${line}\n`)
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`

/** Bytes of a file, or of all files in a folder. */
function sizeOf(path: string): number {
  const found = lstatSync(path)
  return found.isDirectory() ? readdirSync(path).reduce((bytes, name) => bytes + sizeOf(join(path, name)), 0) : found.size
}

/** Folders of the packages that `names` need within this workspace, themselves included, by package name. */
function workspacePackages(names: readonly string[]): Map<string, string> {
  const folders = readdirSync(join(root, 'packages')).map(name => join(root, 'packages', name))
  const manifests = folders.map(folder => ({ folder, ...(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest) }))
  const needed = new Map<string, string>()
  const add = (name: string): void => {
    const found = manifests.find(manifest => manifest.name === name)
    if (!found || needed.has(name)) return
    needed.set(name, found.folder)
    Object.keys(found.dependencies ?? {}).forEach(add)
  }
  names.forEach(add)
  return needed
}

/** Packs each package into `to`; returns `file:` dependencies on the tarballs. */
function pack(packages: ReadonlyMap<string, string>, to: string): Record<string, string> {
  const dependencies: Record<string, string> = {}
  for (const [name, folder] of packages) {
    const out = execFileSync('pnpm', ['pack', '--json', '--pack-destination', to], { cwd: folder, encoding: 'utf8' })
    const { filename } = JSON.parse(out) as { readonly filename: string }
    dependencies[name] = `file:${filename}`
    print(`${name}: tarball ${megabytes(sizeOf(filename))}`)
  }
  return dependencies
}

/** Throws unless `path` is a recording with as much speech as a sentence: its length in seconds, and its level as a root mean square. */
async function expectSpeech(what: string, path: string): Promise<void> {
  const { channels, sampleRate } = await decodeAudio(readFileSync(path))
  const samples = toMono({ channels })
  const seconds = samples.length / sampleRate
  const level = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length)
  if (!(seconds > 0.5 && seconds < 8 && level > 0.01 && level < 0.5))
    throw new Error(
      `${what}: expected 0.5 to 8 s of speech at a level of 0.01 to 0.5; found ${seconds.toFixed(2)} s at ${level.toFixed(4)}`,
    )
  print(`${what}: spoke ${seconds.toFixed(2)} s at a level of ${level.toFixed(3)}`)
  rmSync(path)
}

/** Prints the size of each binary folder of onnxruntime-node, and deletes those of other platforms. */
function keepThisPlatform(modules: string): void {
  const binaries = join(modules, 'onnxruntime-node/bin')
  const platforms = readdirSync(binaries, { recursive: true, encoding: 'utf8' }).filter(name => /[/\\](x64|arm64)$/.test(name))
  for (const name of platforms) {
    print(`onnxruntime-node/bin/${name}: ${megabytes(sizeOf(join(binaries, name)))}`)
    if (!name.endsWith(join(process.platform, process.arch))) rmSync(join(binaries, name), { recursive: true })
  }
}

const folder = mkdtempSync(join(tmpdir(), 'mynah-packed-'))
try {
  const project = join(folder, 'project')
  const modules = join(project, 'node_modules')
  mkdirSync(project)
  // Variables of the pnpm that runs this script would be settings of the npm below.
  const outer = Object.entries(process.env).filter(([name]) => !/^(npm_config_|npm_package_|NODE_PATH$|NODE_OPTIONS$)/i.test(name))
  const env = { ...Object.fromEntries(outer), ONNXRUNTIME_NODE_INSTALL: 'skip' }
  const run = (program: string, ...words: string[]) =>
    execFileSync(program, words, { cwd: project, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

  const dependencies = pack(workspacePackages(['@mynah/core', '@mynah/cli']), folder)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'packed', private: true, dependencies }))
  run('npm', 'install', '--no-audit', '--no-fund')
  print(`node_modules: ${megabytes(sizeOf(modules))}, of which onnxruntime-node ${megabytes(sizeOf(join(modules, 'onnxruntime-node')))}`)

  const [, example] = /^```js\n(.*?)^```$/ms.exec(readFileSync(join(root, 'README.md'), 'utf8'))!
  writeFileSync(join(project, 'speak.mjs'), example!)
  run('node', 'speak.mjs')
  await expectSpeech('README’s first example', join(project, 'hello.wav'))
  run('npx', '--no-install', 'mynah', 'say', 'Hello from the command line.', '--out', 'said.wav')
  await expectSpeech('mynah say', join(project, 'said.wav'))

  keepThisPlatform(modules)
  print(`node_modules with the binaries of this platform alone: ${megabytes(sizeOf(modules))}`)
  run('node', 'speak.mjs')
  await expectSpeech('without the binaries of other platforms', join(project, 'hello.wav'))

  const bundle = ['speak.mjs', '--bundle', '--platform=node', '--format=esm', '--external:@mynah/*', '--outfile=bundle.mjs']
  run('npm', 'exec', '--yes', '--package=esbuild@0.28', '--', 'esbuild', '--log-level=warning', ...bundle)
  run('node', 'bundle.mjs')
  await expectSpeech('bundled by esbuild', join(project, 'hello.wav'))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
