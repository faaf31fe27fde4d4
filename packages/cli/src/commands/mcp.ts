import { createSynthesizer } from '@mynah/core'
import { serveMcp } from '@mynah/mcp'
import { type Command, defined, sharedOptions, UsageError } from '../arguments.ts'
import { withDownloads } from '../downloads.ts'

/** `mynah mcp`: tools for agents, over stdin and stdout. */
export const mcp: Command = {
  name: 'mcp',
  operands: '',
  summary: 'Serve the Model Context Protocol on stdin and stdout: speak, list_voices, create_voice',
  details: ['For agents: a client such as an editor or a chat program starts it, and calls its tools.'],
  options: {
    voices: { value: 'DIR', help: 'folder of created voices; without it there is no create_voice' },
    out: { value: 'DIR', short: 'o', help: 'folder that speech is written to (default: the audio is in the answer)' },
    bundle: sharedOptions.bundle,
    device: sharedOptions.device,
    threads: sharedOptions.threads,
  },
  examples: [['mynah mcp --voices voices --out spoken', 'what to put into the configuration of a client']],

  async run(args, terminal) {
    if (args.operands.length > 0) throw new UsageError(`"${args.operands.join(' ')}" is too much; mcp takes only options`)
    const model = { ...defined({ bundle: args.text('bundle') }), ...args.runtimeOptions() }
    await using mynah = await withDownloads(terminal, hub => createSynthesizer({ ...model, hub }))
    await serveMcp({ synthesizer: mynah, ...defined({ voices: args.text('voices'), out: args.text('out') }) })
    return true
  },
}
