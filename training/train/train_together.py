"""Trains the NAR model and the decoder of a finished codec together, by how what they make sounds: the decoder reads what
the NAR model makes of true first codebooks, and losses of the waveform reach both. Tokens stay what they are, so that
the AR model and saved voices stay valid.

usage: python train/train_together.py --cache TOKENS --audio CACHE --codec codec.safetensors,vocoder.safetensors
    --nar nar.safetensors --run RUN
A NAR model that learns squared errors alone says the mean of what is possible, which is like nobody. Beside its own
error it gets here what train_codec.py has for the decoder (multi-scale mel, STFT, pitch, discriminators with feature
matching), and --speaker: one minus the cosine of Resemblyzer's embeddings of what is made and of the recording.
Resemblyzer is therefore no judge of what was trained so; the x-vectors of eval/voices.py are.
Of the decoder's batch --true pieces are made of true codes, with other speakers and channels, as in train_codec.py.
Writes RUN/nar.pt and RUN/codec.pt for `export.py --nar`, `--decoder`.
"""

import random, sys
from pathlib import Path
import numpy as np, torch, torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import augment, corpus
from data.tokens import Tokens, collate, random_batch, vary, vectors
from mynah import codec as codecs, lm
from train import common
from train.decoder import Discriminators, decoded
from train.train_nar import SHARES


class SpeakerEncoder(nn.Module):
    """Resemblyzer (GE2E, arXiv:1710.10467) of waveforms [B, S] at 24 kHz, with gradients: the mel of its 16 kHz
    front-end has the same windows and bands here, up to the scale of a longer window. -> [B, 256], of length 1"""

    def __init__(self):
        super().__init__()
        import librosa
        from resemblyzer import VoiceEncoder

        self.inner = VoiceEncoder("cpu", verbose=False).requires_grad_(False)
        filters = librosa.filters.mel(sr=corpus.RATE, n_fft=600, n_mels=40, fmax=8000) * (400 / 600) ** 2
        self.register_buffer("filters", torch.from_numpy(filters))
        self.register_buffer("window", torch.hann_window(600))

    def forward(self, x):
        power = torch.view_as_real(torch.stft(x, 600, 240, 600, self.window, return_complex=True)).square().sum(-1)
        _, (hidden, _) = self.inner.lstm((self.filters @ power).transpose(1, 2))
        return F.normalize(F.relu(self.inner.linear(hidden[-1])), dim=1)


class Data:
    """Rows of tokens whose recordings are there."""

    def __init__(self, a, frames):
        self.audio = corpus.Corpus(a.audio)
        self.by_id = {i["id"]: i for i in self.audio.items}
        self.tokens, self.frames = Tokens(a.cache, textless=True, shares=SHARES), frames
        self.groups = {
            kind: fits
            for kind, items in self.tokens.groups[False].items()
            if (fits := [i for i in items if i["id"] in self.by_id and i["variant"] == 0 and i["frames"] > frames])
        }
        self.pieces = [i for i in self.audio.items if not i["validation"] and i["samples"] > 1.3 * frames * corpus.FRAME]
        people = lambda i: 0.15 if i["kind"] == "synthetic" else 0.3 if i["kind"] == "common-voice" else 1.0
        self.weights = np.cumsum([i["samples"] * people(i) for i in self.pieces])

    def rows(self, size, rng):
        """-> the batch of `collate`, where each piece begins in its row [B], the pieces' waveforms [B, S]"""
        names = list(self.groups)
        shares = [SHARES.get(n, 0.05) for n in names]
        items = []
        centre = None
        for name in rng.choices(names, shares, k=size):
            group = self.groups[name]
            centre = centre or rng.choice(group)["frames"]
            near = sorted(rng.sample(group, min(24, len(group))), key=lambda i: abs(i["frames"] - centre))
            items.append(rng.choice(near[:3]))
        rows = [self.tokens.row(item, rng) for item in items]
        at = [rng.randrange(item["frames"] - self.frames + 1) for item in items]
        waves = [
            self.audio.audio(self.by_id[i["id"]], (i["offset"] + f) * corpus.FRAME, self.frames * corpus.FRAME)
            for i, f in zip(items, at)
        ]
        begins = [int((r["kind"] == 1).sum()) + f for r, f in zip(rows, at)]
        return collate(rows), begins, torch.from_numpy(np.stack(waves).astype(np.float32))

    def true(self, size, rng):
        """-> waveforms [B, S] of anybody, half of them as other speakers"""
        out = []
        for _ in range(size):
            item = corpus.pick(self.pieces, self.weights)
            n = self.frames * corpus.FRAME
            if rng.random() < 0.5:
                out.append(augment.another(self.audio, item, n, rng))
            else:
                out.append(self.audio.audio(item, int(rng.integers(item["samples"] - n)), n))
        return torch.from_numpy(np.stack(out).astype(np.float32))


def main():
    a = common.arguments(
        __doc__,
        audio="",
        codec="",
        nar="",
        batch=4,
        true=2,
        frames=56,
        rate=3e-4,
        nar_rate=2e-4,
        vary=0.1,
        latent=1.0,
        stft_weight=0.3,
        pitch_weight=1.0,
        speaker=3.0,
        adversarial=0.3,
        matching=4.0,
        disc_rate=3e-4,
        disc_warmup=100,
        disc_init="",
        discriminators=2,
    )
    config = codecs.TINY if a.smoke else codecs.SMALL
    codec, nar = codecs.Codec(config), lm.Nar(lm.TINY if a.smoke else lm.SMALL)
    if a.smoke:
        codec.rvq.codebook.normal_()
    else:
        codec.load_state_dict(common.weights(a.codec), strict=False)
        nar.load_state_dict(common.weights(a.nar))
    both = nn.ModuleDict(dict(codec=codec, nar=nar)).to(a.device)
    codec.encoder.requires_grad_(False), codec.to_latent.requires_grad_(False)
    codebook = codec.rvq.codebook
    decoding = [p for p in codec.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [dict(params=decoding, lr=a.rate), dict(params=nar.parameters(), lr=a.nar_rate)],
        betas=(0.8, 0.99),
        weight_decay=0.01,
        fused=True,
    )
    discriminators = Discriminators(a)
    rng, generator = random.Random(a.seed), np.random.default_rng(a.seed)
    run = common.Run(a, [both, discriminators.module], [optimizer, discriminators.optimizer], rngs=[rng, generator])
    discriminators.begin(run)
    encoder = SpeakerEncoder().to(a.device) if a.speaker and not a.smoke else None
    frames = 8 if a.smoke else a.frames
    data = None if a.smoke else Data(a, frames)

    def predicted():
        """-> latents of the pieces [B, L, F] with the gradient of the NAR model, their waveforms, its own error"""
        if a.smoke:
            batch, begins, wave = random_batch(lm.TINY), [10, 12], 0.1 * torch.randn(2, frames * corpus.FRAME)
        else:
            batch, begins, wave = data.rows(a.batch, rng)
        batch = {k: v.to(a.device) for k, v in batch.items()}
        codes, target = batch["codes"], batch["kind"] == 2
        quantized, voice = vectors(codes, codebook), vectors(batch["voice"], codebook)
        first = codebook[0][vary(codes[..., 0], codebook[0], a.vary)]
        with common.autocast(a):
            encoding = nar.encode(batch["ids"], batch["ids_valid"], voice, batch["voice_valid"])
            residual = nar(encoding, batch["frame_phoneme"], quantized, first, batch["kind"] == 1, batch["valid"])
        wanted = (quantized - first)[target]
        error = (residual[target] - wanted).pow(2).sum(-1).mean() / wanted.pow(2).sum(-1).mean()
        z = torch.stack([(first[i] + residual[i])[at : at + frames].T for i, at in enumerate(begins)])
        return z, wave.to(a.device), error

    def true():
        """-> latents [B, L, F] of true codes, of 4 or 8 codebooks or none, and the waveforms"""
        if a.smoke:
            wave = 0.1 * torch.randn(2, frames * corpus.FRAME)
        else:
            wave = data.true(a.true, generator)
        wave = wave.to(a.device)
        with torch.no_grad(), common.autocast(a):
            z = codec.encode(corpus.log_mel(wave)).float()
            codes = codec.rvq.encode(z)
            kept = random.choices((2, 4, 8, 0), (1, 2, 5, 2), k=len(z))
            z = torch.stack([codec.rvq.decode(codes[i : i + 1, :n])[0] if n else z[i] for i, n in enumerate(kept)])
        return z, wave

    while run.going():
        run.schedule(warmup=50)
        z, wave, error = predicted()
        more, more_wave = true()
        z, wave = torch.cat([z, more]), torch.cat([wave, more_wave])
        fake, loss, logged = decoded(a, codec, z, wave, 0.5)
        loss, logged["error"] = loss + a.latent * error, error
        if encoder:
            with torch.no_grad():
                wanted = encoder(wave)
            unlike = 1 - (encoder(fake) * wanted).sum(1).mean()
            loss, logged["unlike"] = loss + a.speaker * unlike, unlike
        more, heard_by = discriminators.step(fake, wave, run.step)
        loss, logged = loss + more, logged | heard_by
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(decoding, 5.0), nn.utils.clip_grad_norm_(nar.parameters(), 0.5)
        optimizer.step()
        run.log(logged)
    run.finish()
    for name in ("codec", "nar"):
        part = {k[len(name) + 1 :]: v for k, v in run.average.items() if k.startswith(name + ".")}
        torch.save(dict(average=part), run.folder / f"{name}.pt")
    discriminators.save(run.folder)


if __name__ == "__main__":
    main()
