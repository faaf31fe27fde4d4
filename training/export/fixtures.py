"""Writes mynah and golden/wavenet of test/fixtures: tiny random models and what PyTorch makes of them, for the parity
tests of packages/{codec,vocoder,lm}. usage: python export/fixtures.py ../test/fixtures"""

import json, sys
from pathlib import Path
import numpy as np, torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from mynah import lm
from mynah.codec import TINY as CODEC, Codec
from data.corpus import log_mel
from data.mels import LogMel
from export.cases import write_case
from export.parts import PARTS, manifest_config, tensors_of
from mynah.infer import speak_ar, speak_nar
from papers.vocoders import wavenet


def main():
    fixtures = Path(sys.argv[1])
    write_mynah(fixtures / "mynah")
    write_wavenet(fixtures / "golden/wavenet/tiny")


def write_wavenet(out):
    torch.manual_seed(7)
    config = wavenet.PRESETS["tiny"]
    generator, front_end = wavenet.Generator(config).eval(), LogMel(**wavenet.mel_of(config))
    for p in generator.parameters():  # every parameter must matter
        p.data += 0.3 * torch.randn_like(p)
    wave = 0.5 * torch.sin(torch.arange(20 * generator.hop) * 0.06)[None]
    io = wavenet.parity(generator, front_end, wave)
    checkpoint = (wavenet.CHECKPOINT.format(step=0), wavenet.NESTING)
    write_case(out, wavenet.ARCH, checkpoint, generator.state_dict(), (wavenet.CONFIG, config), io)


def write_mynah(out):
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(7)
    codec = Codec(CODEC).eval()
    codec.rvq.codebook.normal_()
    for p in codec.parameters():  # every parameter must matter
        p.data += 0.1 * torch.randn_like(p)
    ar, nar = lm.Ar(lm.TINY, codec.rvq.codebook).eval(), lm.Nar(lm.TINY).eval()
    aligner = lm.Aligner(16, 1).eval()
    for m in (ar, nar, aligner):
        for p in m.parameters():
            p.data += 0.2 * torch.randn_like(p)
    for part, m in (("codec", codec), ("vocoder", codec), ("ar", ar), ("nar", nar), ("aligner", aligner)):
        tensors = {k: v.contiguous() for k, v in tensors_of(part, m.state_dict()).items()}
        save_file(tensors, out / f"{part}.safetensors")
    hears = dict(dim=16, layers=1, symbols=56)
    sizes = dict(codec=CODEC, vocoder=CODEC, ar=lm.TINY, nar=lm.TINY, aligner=dict(hears, n_input=160))
    sizes["scorer"] = dict(hears, n_input=lm.TINY["latent_dim"], clear=-1)
    configs = {part: manifest_config(part, sizes[part]) for part in PARTS}
    configs["listener"] = configs.pop("scorer")  # the tests read it by its name of before 0.2
    (out / "config.json").write_text(json.dumps(configs))
    with torch.no_grad():
        t = torch.arange(24000 // 2) / 24000
        wave = (
            0.3 * torch.sin(2 * np.pi * 180 * t)
            + 0.1 * torch.sin(2 * np.pi * 1300 * t * (1 + t))
            + 0.02 * torch.randn(len(t))
        )[None]
        features = log_mel(wave)
        codes = codec.rvq.encode(codec.encode(features))[0]
        latents = codec.rvq.decode(codes[None])[0]
        waveform = codec.decode(latents[None])[0]
        log_probs = aligner(features)[0]
        prompt_ids, target = torch.tensor([0, 5, 9, 0]), torch.tensor([0, 12, 30, 7, 0])
        durations = torch.tensor([6, 5, 5, 4])
        ids = torch.cat([prompt_ids, target])
        first, lasted = speak_ar(ar, codec.rvq.codebook, ids, durations, codes.T, 0, 0, None)
        refined = speak_nar(nar, codec.rvq.codebook, ids, torch.cat([durations, torch.tensor(lasted)]), codes.T, first)
        scorer = lm.Aligner(16, 1, n_input=lm.TINY["latent_dim"]).eval()
        heard = scorer(codec.rvq.codebook[0][first].T[None])[0]
    save_file(scorer.state_dict(), out / "listener.safetensors")
    io = dict(
        wave=wave[0],
        features=features[0],
        codes=codes.int(),
        latents=latents,
        waveform=waveform,
        log_probs=log_probs,
        prompt_ids=prompt_ids.int(),
        prompt_durations=durations.int(),
        target_ids=target.int(),
        first_codes=first.int(),
        lasted=torch.tensor(lasted).int(),
        refined=refined.T,
        heard=heard,
    )
    save_file({k: v.contiguous() for k, v in io.items()}, out / "io.safetensors")
    print({k: list(v.shape) for k, v in io.items()})


if __name__ == "__main__":
    main()
