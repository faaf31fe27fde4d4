/**
 * `pnpm test:packed [npm] [docker] [bundles] [yarn] [pnpm] [next]`: what a user installs, outside of this workspace; all but next by default. Packs every package, installs the tarballs
 * by the steps of examples/services/Dockerfile into an empty folder, speaks there from plain JavaScript (`import`, `require`), from the command line, from the server as the image
 * starts it, and from bundles; again after yarn and pnpm; and prints the sizes that docs/guide/bundling.md names. Needs the npm registry.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
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

/** Instructions of a Dockerfile's stages, continued lines joined. */
function readDockerfile(path: string): { readonly word: string; readonly rest: string }[][] {
  const lines = readFileSync(path, 'utf8').replaceAll('\\\n', ' ').split('\n')
  const instructions = lines
    .filter(line => /^[A-Z]+ /.test(line))
    .map(line => ({ word: line.split(' ', 1)[0]!, rest: line.slice(line.indexOf(' ') + 1) }))
  const stages: { word: string; rest: string }[][] = []
  for (const each of instructions) {
    if (each.word === 'FROM') stages.push([])
    else stages.at(-1)!.push(each)
  }
  return stages
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

const asked = process.argv.slice(2)
const wants = (part: string) => (asked.length === 0 ? part !== 'next' : asked.includes(part))
const folder = mkdtempSync(join(tmpdir(), 'mynah-packed-'))
const project = join(folder, 'project')
const modules = join(project, 'node_modules')
// Variables of the pnpm that runs this script would be settings of the npm below.
const outer = Object.entries(process.env).filter(([name]) => !/^(npm_config_|npm_package_|NODE_PATH$|NODE_OPTIONS$|NODE_ENV$)/i.test(name))
const env = { ...Object.fromEntries(outer), ONNXRUNTIME_NODE_INSTALL: 'skip' }
const runIn = (cwd: string, program: string, ...words: string[]) =>
  execFileSync(program, words, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
const run = (program: string, ...words: string[]) => runIn(project, program, ...words)
const [, example] = /^```js\n(.*?)^```$/ms.exec(readFileSync(join(root, 'README.md'), 'utf8'))!
const [firstStage, lastStage] = readDockerfile(join(root, 'examples/services/Dockerfile')) as [
  { word: string; rest: string }[],
  { word: string; rest: string }[],
]

async function speaks(what: string, file: string, cwd = project): Promise<void> {
  runIn(cwd, 'node', file)
  await expectSpeech(what, join(cwd, 'hello.wav'))
}

/** Installs by the steps of the image, prunes by them, and speaks before and after. */
async function testNpm(): Promise<void> {
  const [install, ...prune] = firstStage.filter(({ word }) => word === 'RUN').map(({ rest }) => rest)
  run('sh', '-c', install!)
  print(`node_modules: ${megabytes(sizeOf(modules))}, of which onnxruntime-node ${megabytes(sizeOf(join(modules, 'onnxruntime-node')))}`)
  const binaries = join(modules, 'onnxruntime-node/bin')
  for (const name of readdirSync(binaries, { recursive: true, encoding: 'utf8' }).filter(each => /[/\\](x64|arm64)$/.test(each)))
    print(`onnxruntime-node/bin/${name}: ${megabytes(sizeOf(join(binaries, name)))}`)
  for (const step of prune) run('sh', '-c', step)
  print(`node_modules without the binaries of other systems: ${megabytes(sizeOf(modules))}`)
  writeFileSync(join(project, 'speak.mjs'), example!)
  await speaks('README’s first example', 'speak.mjs')
  writeFileSync(
    join(project, 'speak.cjs'),
    `const { createSynthesizer } = require('@mynah/core')\n;(async () => {${example!.replace(/^import .*$/m, '')}})()`,
  )
  const required = spawnSync('node', ['speak.cjs'], { cwd: project, env, encoding: 'utf8' })
  if (required.status === 0) await expectSpeech('require()', join(project, 'hello.wav'))
  else if (!/ERR_REQUIRE_ESM/.test(required.stderr))
    throw new Error(`require() fails otherwise than with ERR_REQUIRE_ESM: ${required.stderr}`)
  else print('require(): this Node refuses it with ERR_REQUIRE_ESM, as Node before 20.19 does')
  run('node', 'node_modules/@mynah/cli/dist/main.js', 'say', 'Hello from the command line.', '--out', 'said.wav')
  await expectSpeech('mynah say', join(project, 'said.wav'))
  for (const name of ['server', 'ai-sdk', 'mcp']) run('node', '--input-type=module', '--eval', `await import('@mynah/${name}')`)
}

/** What the image starts, as nobody if this is root, so that nothing it installed can be written. */
async function testImage(): Promise<void> {
  const port = await freePort()
  const [voices, key] = [join(folder, 'voices'), join(folder, 'key')]
  mkdirSync(voices)
  writeFileSync(key, 'a-key-of-many-letters')
  chmodSync(folder, 0o755)
  chmodSync(voices, 0o777)
  const { rest } = lastStage.findLast(({ word }) => word === 'CMD')!
  const replaced: Readonly<Record<string, string>> = {
    '/voices': voices,
    '/run/secrets/mynah-key': key,
    '0.0.0.0': '127.0.0.1',
    '8080': String(port),
  }
  const [program, ...words] = (JSON.parse(rest) as string[]).map(word => replaced[word] ?? word)
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  const child = spawn(program!, words, {
    cwd: project,
    env: { ...env, HOME: '/nonexistent' },
    stdio: ['ignore', 'inherit', 'inherit'],
    ...nobody,
  })
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  try {
    const url = `http://127.0.0.1:${port}`
    const isReady = () =>
      fetch(`${url}/ready`).then(
        ({ ok }) => ok,
        () => false,
      )
    while (child.exitCode === null && !(await isReady())) await new Promise(resolve => setTimeout(resolve, 250))
    const body = JSON.stringify({ model: 'mynah', voice: 'wren', input: 'Hello from the image.', response_format: 'wav' })
    const headers = { authorization: 'Bearer a-key-of-many-letters', 'content-type': 'application/json' }
    const response = await fetch(`${url}/v1/audio/speech`, { method: 'POST', headers, body })
    if (!response.ok) throw new Error(`the image answers ${response.status}: ${await response.text()}`)
    writeFileSync(join(folder, 'image.wav'), Buffer.from(await response.arrayBuffer()))
    await expectSpeech('the image’s server', join(folder, 'image.wav'))
  } finally {
    child.kill('SIGTERM')
  }
  const code = await ended
  if (code !== 0) throw new Error(`the image’s server ends with ${code} after SIGTERM, expected 0`)
}

const bundlers = {
  esbuild: [
    'esbuild@0.28',
    'esbuild',
    '--log-level=warning',
    'speak.mjs',
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--external:@mynah/*',
    '--outfile=esbuild.mjs',
  ],
  tsup: ['tsup@8.5.1', 'tsup', 'speak.mjs', '--silent', '--format', 'esm', '--external', '@mynah/core', '--out-dir', 'tsup'],
  webpack: ['webpack@5', 'webpack', 'build', '--config', 'webpack.config.mjs'],
} as const
const webpackConfig = `export default {
  mode: 'production', target: 'node20', entry: './speak.mjs', experiments: { outputModule: true },
  externals: [/^@mynah\\//], externalsType: 'module', output: { path: process.cwd(), filename: 'webpack.mjs', module: true },
}`

async function testBundles(): Promise<void> {
  writeFileSync(join(project, 'webpack.config.mjs'), webpackConfig)
  for (const [name, [packageName, program, ...words]] of Object.entries(bundlers)) {
    const packages = [packageName, ...(name === 'webpack' ? ['webpack-cli@6'] : name === 'tsup' ? ['typescript@5.9.3'] : [])].map(
      each => `--package=${each}`,
    )
    run('npm', 'exec', '--yes', ...packages, '--', program, ...words)
    await speaks(`bundled by ${name}`, name === 'tsup' ? 'tsup/speak.mjs' : `${name}.mjs`)
  }
  run(
    'npm',
    'exec',
    '--yes',
    '--package=esbuild@0.28',
    '--',
    'esbuild',
    '--log-level=error',
    'speak.mjs',
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--outfile=inlined.mjs',
  )
  const { status, stderr } = spawnSync('node', ['inlined.mjs'], { cwd: project, env, encoding: 'utf8' })
  if (status === 0 || !/external/.test(stderr))
    throw new Error(`a bundle with Mynah inside: expected a message that asks for it to be external, found status ${status}: ${stderr}`)
  print(`a bundle with Mynah inside says: ${/^.*external.*$/m.exec(stderr)![0]}`)
}

/** Another package manager, in a folder of its own. */
async function testManager(name: 'yarn' | 'pnpm', tarballs: Readonly<Record<string, string>>): Promise<void> {
  const own = join(folder, name)
  mkdirSync(own)
  const dependencies = { '@mynah/core': tarballs['@mynah/core']! }
  const manifest = { name: 'packed', private: true, type: 'module', dependencies, resolutions: tarballs, pnpm: { overrides: tarballs } }
  writeFileSync(join(own, 'package.json'), JSON.stringify(manifest))
  if (name === 'yarn') runIn(own, 'npx', '--yes', 'yarn@1.22.22', 'install', '--silent', '--ignore-engines', '--no-lockfile')
  else runIn(own, 'npx', '--yes', 'pnpm@10', 'install', '--reporter=silent', '--ignore-workspace')
  writeFileSync(join(own, 'speak.mjs'), example!)
  await speaks(`installed by ${name}`, 'speak.mjs', own)
  rmSync(own, { recursive: true })
}

/** A server route of Next.js. */
async function testNext(): Promise<void> {
  const own = join(folder, 'next')
  mkdirSync(join(own, 'app/speech'), { recursive: true })
  cpSync(join(project, 'tarballs'), join(own, 'tarballs'), { recursive: true })
  writeFileSync(join(own, 'package.json'), JSON.stringify({ name: 'packed-next', private: true }))
  runIn(own, 'sh', '-c', 'npm install --no-audit --no-fund next@16 react@19 react-dom@19 ./tarballs/*.tgz')
  writeFileSync(join(own, 'next.config.mjs'), "export default { serverExternalPackages: ['@mynah/core'] }")
  writeFileSync(join(own, 'app/layout.jsx'), 'export default function Layout({ children }) { return <html><body>{children}</body></html> }')
  writeFileSync(
    join(own, 'app/speech/route.js'),
    `import { createSynthesizer } from '@mynah/core'
let mynah
export async function GET() {
  mynah ??= createSynthesizer()
  return new Response((await mynah).streamAudio('Hello from a route.', { format: 'wav' }), { headers: { 'content-type': 'audio/wav' } })
}
export const dynamic = 'force-dynamic'
`,
  )
  runIn(own, 'npx', '--no-install', 'next', 'build')
  const port = await freePort()
  const child = spawn('node', ['node_modules/next/dist/bin/next', 'start', '--port', String(port)], {
    cwd: own,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await new Promise(resolve => child.stdout!.on('data', text => /Ready/.test(String(text)) && resolve(undefined)))
    const response = await fetch(`http://127.0.0.1:${port}/speech`)
    writeFileSync(join(own, 'hello.wav'), Buffer.from(await response.arrayBuffer()))
    await expectSpeech('a route of Next.js', join(own, 'hello.wav'))
  } finally {
    child.kill('SIGTERM')
  }
}

try {
  mkdirSync(join(project, 'tarballs'), { recursive: true })
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'packed', private: true }))
  const tarballs = pack(workspacePackages(['@mynah/cli', '@mynah/ai-sdk']), join(project, 'tarballs'))
  pack(new Map([['@mynah/livekit', join(root, 'packages/livekit')]]), folder) // it needs the agents of LiveKit, which are not installed
  if (['npm', 'docker', 'bundles', 'next'].some(wants)) await testNpm()
  if (wants('docker')) await testImage()
  if (wants('bundles')) await testBundles()
  for (const name of ['yarn', 'pnpm'] as const) if (wants(name)) await testManager(name, tarballs)
  if (wants('next')) await testNext()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
