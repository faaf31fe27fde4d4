import { serveMcp } from '@mynah/mcp'
import { type Command, defined, sharedOptions } from '../arguments.ts'
import { openSynthesizer } from '../downloads.ts'

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
    args.noOperands('mcp')
    await using mynah = await openSynthesizer(terminal, args.modelOptions())
    await serveMcp({ synthesizer: mynah, ...defined({ voices: args.text('voices'), out: args.text('out') }) })
    return true
  },
}
