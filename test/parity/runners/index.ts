import type { Runner } from '../case.ts'
import { runCodec } from './codec.ts'
import { runMelFrontEnds } from './mel-front-ends.ts'
import { runMelVocoder } from './mel-vocoder.ts'
import { runParallelWaveGan } from './parallel-wavegan.ts'
import { runUnivNet } from './univnet.ts'
import { runVallE } from './vall-e.ts'
import { runVocosEncodec, runVocosMel } from './vocos.ts'

/** Who runs the cases of which `arch`. */
export const runners: Readonly<Record<string, Runner>> = {
  bigvgan: runMelVocoder,
  dac: runCodec,
  encodec: runCodec,
  'fre-gan': runMelVocoder,
  'hifi-gan': runMelVocoder,
  istftnet: runMelVocoder,
  'mel-front-ends': runMelFrontEnds,
  melgan: runMelVocoder,
  'parallel-wavegan': runParallelWaveGan,
  snac: runCodec,
  soundstream: runCodec,
  univnet: runUnivNet,
  'valle-lifeiteng': runVallE,
  'valle-x': runVallE,
  'vocos-encodec': runVocosEncodec,
  'vocos-mel': runVocosMel,
  wavenet: runMelVocoder,
}
