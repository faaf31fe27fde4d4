/**
 * Speed and memory: `pnpm bench` measures the embedded voice, `pnpm bench vocoders` and `pnpm bench codecs` the published models at full size next to PyTorch,
 * `pnpm bench memory` what loading 450 MB and decoding ten minutes takes. VALL-E X at full size is `pnpm bench:lm`, in packages/lm/bench.
 * `--python` names an interpreter with torch and numpy; without it they are measured alone. See docs/history/bench.md.
 */
import { parseArgs } from 'node:util'
import { benchMemory } from './memory.ts'
import { benchPublished } from './published.ts'
import { benchVoice } from './voice.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    kokoro: { type: 'string' },
    python: { type: 'string' },
    only: { type: 'string' },
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '5' },
    save: { type: 'boolean', default: false },
  },
})
const [what = 'voice'] = positionals
if (what === 'voice') await benchVoice(values)
else if (what === 'vocoders' || what === 'codecs') await benchPublished(what, values)
else if (what === 'memory') process.stdout.write(await benchMemory(values))
else throw new TypeError(`bench: there is no "${what}", expected vocoders, codecs, memory, or nothing`)
