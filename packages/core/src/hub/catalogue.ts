/** One file of a published model. */
export interface CatalogueFile {
  /** Its name in the cache, where a config keeps the name under which architectures look for it. */
  readonly file: string
  /** Where it was published; of a Git repository a commit where one is known, so that its bytes cannot change. */
  readonly url: string
  /** Exact length, where a source states it. */
  readonly bytes?: number
  /** Roughly, in MB of 10⁶ bytes, where `bytes` is unknown. */
  readonly megabytes?: number
  /** Lower-case hex digits: all 64, or the first ones where only these are known. */
  readonly sha256?: string
  /** Its object id in Git (SHA-1 of "blob", length and content), where that is what is known. */
  readonly gitBlob?: string
}

/** A published model that Mynah runs, and where its files are. */
export interface CatalogueModel {
  readonly name: string
  readonly kind: 'codec' | 'language model' | 'vocoder'
  readonly sampleRate: number
  /** Of the weights, as their publisher states it. */
  readonly licence: string
  /** Page of the publisher. */
  readonly home: string
  /** The first one is the checkpoint. */
  readonly files: readonly [CatalogueFile, ...CatalogueFile[]]
}

const hugging = (repository: string, revision: string, file: string) =>
  `https://huggingface.co/${repository}/resolve/${revision}/${file}` as const
const raw = (repository: string, commit: string, path: string) =>
  `https://raw.githubusercontent.com/${repository}/${commit}/${path}` as const
const config = { file: 'config.json', megabytes: 0.01 } as const

/** Files of a repository whose checkpoint has a JSON config beside it. */
function withConfig(
  repository: string,
  revision: string,
  checkpoint: CatalogueFileFacts,
  configFacts: object = {},
): CatalogueModel['files'] {
  return [
    { ...checkpoint, url: hugging(repository, revision, checkpoint.file) },
    { ...config, url: hugging(repository, revision, config.file), ...configFacts },
  ]
}
type CatalogueFileFacts = Omit<CatalogueFile, 'url'>

function bigVgan(
  name: string,
  sampleRate: number,
  repository: string,
  facts: Omit<CatalogueFile, 'url' | 'file'>,
  revision = 'main',
  configFacts: object = {},
): CatalogueModel {
  const files = withConfig(`nvidia/${repository}`, revision, { file: 'bigvgan_generator.pt', ...facts }, configFacts)
  return { name, kind: 'vocoder', sampleRate, licence: 'MIT', home: `https://huggingface.co/nvidia/${repository}`, files }
}

function snac(name: string, sampleRate: number, revision: string, facts: Omit<CatalogueFile, 'url' | 'file'>, configFacts: object = {}) {
  const repository = `hubertsiuzdak/${name.replace('-', '_')}`
  const files = withConfig(repository, revision, { file: 'pytorch_model.bin', ...facts }, configFacts)
  return { name, kind: 'codec', sampleRate, licence: 'MIT', home: `https://huggingface.co/${repository}`, files } satisfies CatalogueModel
}

function dac(name: string, sampleRate: number, release: string, facts: Omit<CatalogueFile, 'url'>): CatalogueModel {
  const home = 'https://github.com/descriptinc/descript-audio-codec'
  const files = [{ ...facts, url: `${home}/releases/download/${release}/${facts.file}` }] as const
  return { name, kind: 'codec', sampleRate, licence: 'MIT', home, files }
}

function encodec(name: string, sampleRate: number, facts: Omit<CatalogueFile, 'url'>): CatalogueModel {
  const files = [{ ...facts, url: `https://dl.fbaipublicfiles.com/encodec/v0/${facts.file}` }] as const
  return { name, kind: 'codec', sampleRate, licence: 'MIT', home: 'https://github.com/facebookresearch/encodec', files }
}

function vocos(name: string, revision: string, checkpoint: Omit<CatalogueFile, 'url' | 'file'>, configFacts: object): CatalogueModel {
  const repository = `charactr/${name}`
  return {
    name,
    kind: 'vocoder',
    sampleRate: 24000,
    licence: 'MIT',
    home: `https://huggingface.co/${repository}`,
    files: [
      { file: 'pytorch_model.bin', url: hugging(repository, revision, 'pytorch_model.bin'), ...checkpoint },
      { file: 'config.yaml', url: hugging(repository, revision, 'config.yaml'), megabytes: 0.01, ...configFacts },
    ],
  }
}

/** The authors' files are on Google Drive, which has no stable addresses: `checkpoint` is a copy on GitHub that names that folder as its source. */
function hifiGan(version: 1 | 2 | 3, checkpoint: Omit<CatalogueFile, 'url' | 'file'>, configFacts: object): CatalogueModel {
  const file = `generator_v${version}`
  return {
    name: `hifi-gan-v${version}`,
    kind: 'vocoder',
    sampleRate: 22050,
    licence: 'not stated (code MIT)',
    home: 'https://github.com/jik876/hifi-gan',
    files: [
      { file, url: raw('csukuangfj/models', '7421385810c04eeace80b3526db57af4e2e06ff3', `hifigan/${file}`), ...checkpoint },
      {
        file: 'config.json',
        url: raw('jik876/hifi-gan', '4769534d45265d52a904b850da5a622601885777', `config_v${version}.json`),
        ...configFacts,
      },
    ],
  }
}

function melGan(name: string, file: string, gitBlob: string): CatalogueModel {
  const url = raw('descriptinc/melgan-neurips', '6488045bfba1975602288de07a58570c7b4d66ea', `models/${file}`)
  const home = 'https://github.com/descriptinc/melgan-neurips'
  return { name, kind: 'vocoder', sampleRate: 22050, licence: 'MIT', home, files: [{ file, url, megabytes: 17, gitBlob }] }
}

/**
 * Published models that Mynah runs, and that have an address of their own. What a size or a hash is known from:
 * the file's name (EnCodec), the Git repository that holds it, or public projects that pin it.
 */
export const catalogue: readonly CatalogueModel[] = [
  {
    name: 'vall-e-x',
    kind: 'language model',
    sampleRate: 24000,
    licence: 'MIT',
    home: 'https://huggingface.co/Plachta/VALL-E-X',
    files: [
      { file: 'vallex-checkpoint.pt', url: hugging('Plachta/VALL-E-X', 'main', 'vallex-checkpoint.pt'), megabytes: 1480 },
      {
        file: 'bpe_69.json',
        url: raw('Plachtaa/VALL-E-X', '3faaf8ccadb154d63b38070caf518ce9309ea0f4', 'utils/g2p/bpe_69.json'),
        bytes: 2434,
        sha256: 'db43a20175019e43b58ae9de4324cbc0e7cc78040baff2617da171479bc301e0',
      },
    ],
  },
  encodec('encodec-24khz', 24000, {
    file: 'encodec_24khz-d7cc33bc.th',
    bytes: 93_171_529,
    sha256: 'd7cc33bcf1aad7f2dad9836f36431530744abeace3ca033005e3290ed4fa47bf',
  }),
  encodec('encodec-48khz', 48000, { file: 'encodec_48khz-7e698e3e.th', megabytes: 76, sha256: '7e698e3e' }),
  dac('dac-16khz', 16000, '0.0.5', { file: 'weights_16khz.pth', bytes: 296_820_733 }),
  dac('dac-24khz', 24000, '0.0.4', { file: 'weights_24khz.pth', megabytes: 300 }),
  dac('dac-44khz', 44100, '0.0.1', { file: 'weights.pth', megabytes: 307 }),
  dac('dac-44khz-16kbps', 44100, '1.0.0', { file: 'weights_44khz_16kbps.pth', bytes: 256_984_809 }),
  snac(
    'snac-24khz',
    24000,
    'd73ad176a12188fcf4f360ba3bf2c2fbbe8f58ec',
    { bytes: 79_488_254, sha256: '4b8164cc6606bfa627f1a784734c1e539891518f1191ed9194fe1e3b9b4bff40' },
    { sha256: 'e119b9366d4f5e73c6ca5f31137c4ff361578bbb132953a5203afe037c4012be' },
  ),
  snac('snac-32khz', 32000, 'c84c6ac842dc7a44a6fb0f3b576ce94b48a7780f', {
    megabytes: 218,
    sha256: 'bfee2f057c1e287443786bedab377b5176b430e911417683977b7af71ea3ba65',
  }),
  snac('snac-44khz', 44100, '873ebef9718b89660340c6f55a2b515e98cfa1d9', {
    megabytes: 218,
    sha256: 'b0a676cbdc8d1cc53186f6d777bc956fb7932ceacdc657a4c3741646e9e7ead0',
  }),
  vocos(
    'vocos-mel-24khz',
    '0feb3fdd929bcd6649e0e7c5a688cf7dd012ef21',
    { bytes: 54_365_991, sha256: '97ec976ad1fd67a33ab2682d29c0ac7df85234fae875aefcc5fb215681a91b2a' },
    { bytes: 461, sha256: 'da9033922f969a47f0c160010226919e59f27761fd5066f3828d46de6650b0fc' },
  ),
  vocos('vocos-encodec-24khz', '4e61d082c08045a4c11e5b148ad93b1d0c591a14', { megabytes: 40.4 }, {}),
  hifiGan(
    1,
    { megabytes: 55.8, gitBlob: '7bee6e64e90efa42594fb9f7195778036d9db3ee' },
    { bytes: 762, sha256: '719a04c531031802c3da7207e5093057d5f2d7c6b0a457c77041d01bb7d93c6e' },
  ),
  hifiGan(
    2,
    { bytes: 3_758_167, sha256: '3fac378c5918fb2c102733f21eeaa8e9a4ca6cda24dbfddc55bbb947c78d562f' },
    { bytes: 762, sha256: 'cede32b776d5694d1ef265c1a2819a3b8ef3a294921ceb1366e8ca63cdc0c9da' },
  ),
  hifiGan(
    3,
    { megabytes: 5.9, gitBlob: '6c362da8e96ad0aadf8bce7344d069c6139912b6' },
    { bytes: 752, sha256: '1b2d656de833182038c64c73e6395e6cd7bde5d2ff47ed68dd537d36428dd223' },
  ),
  melGan('melgan-ljspeech', 'linda_johnson.pt', '97f59e01479b4c346d00ef6351aba2949437895e'),
  melGan('melgan-multi-speaker', 'multi_speaker.pt', 'c6dc2e2ab5be6478352deb465c5b584e1d4ba25a'),
  bigVgan(
    'bigvgan-v2-22khz',
    22050,
    'bigvgan_v2_22khz_80band_256x',
    { bytes: 449_228_171, sha256: 'e95ba25972d3de0628d99cd156e9315a9c018899bf739988959ebe3544080ced' },
    '633ff708ed5b74903e86ff1298cf4a98e921c513',
    { bytes: 1405, sha256: '88a1f47acf747db0b21e97a389d838566147f7a5464583ff5c8d819d870f03ee' },
  ),
  bigVgan('bigvgan-v2-22khz-fmax8k', 22050, 'bigvgan_v2_22khz_80band_fmax8k_256x', { megabytes: 450 }),
  bigVgan(
    'bigvgan-v2-24khz',
    24000,
    'bigvgan_v2_24khz_100band_256x',
    { bytes: 450_088_331, sha256: '6f9c5715550c9d0f11159ceb8935638da5aeb19e27d1e63677632df095e376f5' },
    'c329ede9e9bbc100ddf5c91e2330a61921262370',
    { bytes: 1402, sha256: 'd77e2c96583ca2296ac112a56ec7cc6bd5da4bf7681ceff18448bedc4fcf6512' },
  ),
  bigVgan(
    'bigvgan-v2-44khz',
    44100,
    'bigvgan_v2_44khz_128band_512x',
    { bytes: 489_041_291, sha256: 'd9fe7ec6bd0b44ed9d66973d5012d8181c1570b01e5c72df51973e241dccd357' },
    '95a9d1dcb12906c03edd938d77b9333d6ded7dfb',
    { bytes: 1403, sha256: '65b7f487bfaf15256056a75f6667ef5f640214c981922a111927873705ea4ddb' },
  ),
  bigVgan('bigvgan-v2-44khz-256x', 44100, 'bigvgan_v2_44khz_128band_256x', { megabytes: 450 }),
  bigVgan('bigvgan-24khz', 24000, 'bigvgan_24khz_100band', { megabytes: 450 }),
  bigVgan(
    'bigvgan-base-24khz',
    24000,
    'bigvgan_base_24khz_100band',
    { bytes: 56_297_637, sha256: 'ca8bced4d3ef588e654742f732455c16abb004e49d7d3bf03edade84d3e982f2' },
    '0f6305d0e010eaafdbf649978f46c3b5af099343',
    { bytes: 1034, sha256: '885553969751bfd87f1980017364e968917cd34347376ed08238db673ea5b46b' },
  ),
]

/** Bytes of a file, roughly where its exact length is unknown. */
export function sizeOf({ bytes, megabytes }: CatalogueFile): number {
  return bytes ?? (megabytes ?? 0) * 1e6
}
