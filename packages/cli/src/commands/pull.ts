import { type ListedModel, listModels, pullModel } from '@mynah/core'
import { type Command, sharedOptions } from '../arguments.ts'
import { withDownloads } from '../downloads.ts'
import { toColumns, toMegabytes, writeJson, writeLines } from '../terminal.ts'

/** `mynah pull`: published models → the user's cache. */
export const pull: Command = {
  name: 'pull',
  operands: '[NAME]',
  summary: 'Download a published model, or list those there are',
  details: [
    'NAME is one of the list, or hf:owner/name[@revision] for a bundle on the Hugging Face hub.',
    'What is there is verified, what is missing is downloaded; an interrupted download goes on where it stopped.',
    'Environment: MYNAH_CACHE (folder), MYNAH_OFFLINE=1, MYNAH_MIRROR and HF_ENDPOINT (addresses), HF_TOKEN.',
    'Models have licences of their own; the list names them.',
  ],
  options: {
    offline: { help: 'never use the network: fail if something is missing' },
    json: sharedOptions.json,
  },
  examples: [
    ['mynah pull', 'lists the models: size, licence, and whether it is downloaded'],
    ['mynah pull vocos-mel-24khz', 'downloads one, and prints the path of its checkpoint'],
    ['mynah inspect "$(mynah pull encodec-24khz)"', 'shows what is in it'],
  ],

  async run(args, terminal) {
    const name = args.operands.length === 0 ? undefined : args.operand('NAME')
    if (name === undefined) {
      const models = await listModels()
      if (args.flag('json')) await writeJson(terminal.stdout, models)
      else await writeLines(terminal.stdout, describeModels(models))
      return true
    }
    const offline = args.flag('offline') ? { offline: true } : {}
    const pulled = await withDownloads(terminal, hub => pullModel(name, { ...hub, ...offline }))
    if (args.flag('json')) await writeJson(terminal.stdout, pulled)
    else await writeLines(terminal.stdout, [pulled.path])
    return true
  },
}

function describeModels(models: readonly ListedModel[]): string[] {
  const rows = models.map(({ name, kind, bytes, files, licence, isCached }) => {
    const rough = files[0].bytes === undefined ? '≈ ' : ''
    return [name, kind, `${rough}${toMegabytes(bytes)}`, licence, isCached ? 'yes' : 'no']
  })
  return toColumns([['name', 'kind', 'size', 'licence', 'downloaded'], ...rows])
}
