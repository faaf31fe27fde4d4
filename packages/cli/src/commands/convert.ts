import { type ConvertedGraph, convertCheckpoint } from '@mynah/core'
import { type Command, defined, sharedOptions } from '../arguments.ts'
import { replaceFiles } from '../outputs.ts'
import { toColumns, toMegabytes, writeJson, writeLines } from '../terminal.ts'

/** `mynah convert`: a published checkpoint → safetensors, manifest and plain ONNX. */
export const convert: Command = {
  name: 'convert',
  operands: 'CHECKPOINT',
  summary: 'Convert a published vocoder or codec to safetensors and to plain ONNX files',
  details: [
    'Writes model.safetensors (weight norm folded) with config.json, which Mynah loads like the original; manifest.json with',
    'architecture, sample rate, front-end and sha256 of each file; and model.onnx, or encoder.onnx and decoder.onnx of a codec,',
    "for any runtime. A codec's graphs go from waveform to codes and back: the first rows of the codes are those of a lower",
    'bit rate, and -1 leaves a codebook out when decoding.',
  ],
  options: {
    out: { value: 'DIR', short: 'o', help: 'folder to write into (required)' },
    config: sharedOptions.config,
    stats: { value: 'FILE', help: 'stats.h5 or stats.npy of the recipe (Parallel WaveGAN; default: the one beside it)' },
    json: sharedOptions.json,
  },
  examples: [
    ['mynah convert generator_v1 --out hifi-gan', 'hifi-gan/model.onnx takes a mel [1, 80, T]'],
    ['mynah convert encodec_24khz-d7cc33bc.th --out encodec', 'encodec/encoder.onnx and decoder.onnx'],
  ],

  async run(args, { stdout, stderr }) {
    const checkpoint = args.operand('CHECKPOINT')
    const out = args.required('out', 'the folder to write into')
    const options = defined({ config: args.text('config'), stats: args.text('stats') })
    const manifest = await replaceFiles(out, folder => convertCheckpoint(checkpoint, folder, options))
    if (args.flag('json')) await writeJson(stdout, { out, ...manifest })
    else {
      await writeLines(stderr, [
        `${out}: ${manifest.architecture}, ${manifest.sampleRate} Hz, hop ${manifest.hopLength}`,
        ...toColumns([manifest, ...manifest.graphs].map(({ file, bytes }) => [file, toMegabytes(bytes)])),
        ...manifest.graphs.map(describeGraph),
        ...manifest.warnings.map(warning => `warning: ${warning}`),
      ])
    }
    return true
  },
}

function describeGraph({ file, inputs, outputs }: ConvertedGraph): string {
  const list = (values: ConvertedGraph['inputs']) =>
    values.map(({ name, dtype, shape }) => `${name} ${dtype} [${shape.join(', ')}]`).join(', ')
  return `${file}: ${list(inputs)} → ${list(outputs)}`
}
