/**
 * How well Mynah speaks: `pnpm judge SET [--name RUN] [--bundle FOLDER] [--seeds 1] [--limit 110] [--group human …] [--set temperature=0.5 …] [--python PYTHON]`, SET made by training/eval/evaluation.py.
 * Speaks SET with a bundle into SET/RUN (every prompt), decodes every recording with its codec, and with --python lets ../shared/tools/judge judge both.
 * `pnpm judge SET --others [--kokoro MODEL.onnx] [--python PYTHON]` does the same with what does not change with the model, into SET/references: the recordings, espeak-ng,
 * flite and Kokoro. Both go on where they were stopped. training/eval/results.py makes the table and the plots.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeModel, reconstructAll, type Spoken, speakAll } from './mynah.ts'
import { inputCases, otherCases } from './others.ts'
import { type Case, readLines, readSet } from './set.ts'

const judge = fileURLToPath(new URL('../../../shared/tools/judge/judge.py', import.meta.url))

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: 'string', default: 'mynah' },
    bundle: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    limit: { type: 'string', default: 'Infinity' },
    group: { type: 'string', multiple: true },
    set: { type: 'string', multiple: true, default: [] },
    others: { type: 'boolean', default: false },
    kokoro: { type: 'string' },
    python: { type: 'string' },
  },
})
const [folder] = positionals
if (!folder) throw new TypeError('usage: pnpm judge SET [--name RUN] [--bundle FOLDER] [--others] …; training/eval/evaluation.py makes SET')
const set = resolve(folder)
const rows = readSet(set, Number(values.limit)).filter(({ group }) => values.group?.includes(group) ?? true)
const out = join(set, values.others ? 'references' : values.name)
mkdirSync(out, { recursive: true })
const cases = values.others ? await makeReferences() : await makeSpeech()
await judgeGroups(cases)

async function makeReferences(): Promise<Case[]> {
  const python = values.python ?? 'python3'
  const texts = rows.filter(({ group }) => group === 'synthetic')
  return [
    ...inputCases(set, rows),
    ...(await otherCases(texts, out, values.kokoro === undefined ? undefined : { model: values.kokoro, python })),
  ]
}

async function makeSpeech(): Promise<Case[]> {
  const { bundle } = values
  const sampling = Object.fromEntries(values.set.map(setting => [setting.split('=')[0]!, Number(setting.split('=')[1])]))
  const { weights, megabytes } = await describeModel(bundle)
  keepApart(JSON.stringify({ weights, sampling }))
  const { cases, refused } = await speakAll(set, rows, out, {
    ...sampling,
    seeds: Number(values.seeds),
    ...(bundle === undefined ? {} : { bundle }),
  })
  const codecCases = await reconstructAll(set, rows, out, bundle)
  const spoken = readLines<Spoken>(join(out, 'spoken.jsonl'))
  const total = (name: 'seconds' | 'spentSeconds' | 'cpuSeconds') => spoken.reduce((sum, each) => sum + each[name], 0)
  const run = {
    name: values.name,
    date: new Date().toISOString().slice(0, 10),
    megabytes,
    sampling,
    seeds: Number(values.seeds),
    utterances: spoken.length,
    seconds: total('seconds'),
    realTimeFactor: total('spentSeconds') / total('seconds'),
    cpuFactor: total('cpuSeconds') / total('seconds'),
    warnings: spoken.filter(({ warnings }) => warnings.length > 0).length,
    refused,
    machine: `${cpus()[0]?.model.trim()}, ${availableParallelism()} threads, load ${loadavg()[0]!.toFixed(1)}`,
  }
  writeFileSync(join(out, 'run.json'), `${JSON.stringify(run, null, 2)}\n`)
  process.stdout.write(
    `${run.utterances} utterances, ${run.seconds.toFixed(0)} s of speech, real-time factor ${run.realTimeFactor.toFixed(3)} on one thread ` +
      `(${run.cpuFactor.toFixed(3)} s of processor time), ${Object.keys(refused).length} prompts refused, ${run.machine}\n`,
  )
  return [...cases, ...codecCases]
}

/** What was made by one model with one sampling is never mixed with what another makes. */
function keepApart(model: string): void {
  const path = join(out, 'model.json')
  if (existsSync(path) && readFileSync(path, 'utf8') !== model)
    throw new RangeError(`${out} holds speech of another model or sampling; give this one another --name, or delete it`)
  writeFileSync(path, model)
}

/** Each group is judged by itself, since that takes long; GROUP.jsonl are its cases, GROUP.txt is the judge's line. A group whose cases are the same is not judged again. */
async function judgeGroups(all: readonly Case[]): Promise<void> {
  for (const group of new Set(all.map(each => each.group))) {
    const mine = all.filter(each => each.group === group)
    const path = join(out, group.replaceAll(' ', '-'))
    const same = JSON.stringify(readLines<Case>(`${path}.jsonl`)) === JSON.stringify(mine)
    if (!same || !existsSync(`${path}.txt`)) {
      writeFileSync(`${path}.jsonl`, mine.map(each => `${JSON.stringify(each)}\n`).join(''))
      if (values.python === undefined) {
        process.stdout.write(`python ${judge} ${path}.jsonl --dnsmos > ${path}.txt\n`)
        continue
      }
      const verdict = await run(values.python, [judge, `${path}.jsonl`, '--dnsmos'])
      writeFileSync(`${path}.part`, verdict)
      renameSync(`${path}.part`, `${path}.txt`)
      process.stdout.write(verdict)
    }
  }
}

function run(program: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', part => {
      text += part
    })
    child.on('error', reject)
    child.on('exit', code => (code === 0 ? resolve(text) : reject(new Error(`${program} ${words[0]} ended with ${code}`))))
  })
}
