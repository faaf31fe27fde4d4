"""Trains the codec on the cache of corpus.py: multi-scale log-mel L1, EMA RVQ after --unquantized steps without,
quantizer dropout,
and a phoneme classifier on the first level, so that what the AR model must predict says most of what is spoken.
With --fresh-decoder 1 the decoder of --decoder-of begins from nothing.
With --decoder-of RUN --predicted FOLDER (of predict_latents.py) half of what the decoder learns from is what a language
model makes of the recordings.
With --adversarial, discriminators (STFT resolutions and a log-mel, hinge loss, feature matching) judge the waveform
too, as in SoundStream and Vocos; --discriminators of the four in each step.
They are written to RUN/discriminators.safetensors, with which --disc-init begins another run. The pitch of the decoder
learns
from YIN; in three of four clips the harmonics have the true one."""

import json, random, sys
from pathlib import Path
import numpy as np, torch, torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import augment, corpus
from train import common
from train.decoder import Discriminators, decoded
from mynah.codec import ENCODER, LARGE, SMALL, TINY, Codec


def main():
    a = common.arguments(
        __doc__,
        config="small",
        batch=12,
        seconds=1.0,
        rate=8e-4,
        unquantized=300,
        phoneme_weight=0.1,
        pitch_weight=1.0,
        stft_weight=0.3,
        decoder_of="",
        fresh_decoder=0,
        predicted="",
        others=0.5,
        people=1.0,
        adversarial=0.0,
        matching=2.0,
        disc_rate=4e-4,
        disc_warmup=300,
        disc_init="",
        discriminators=3,
    )
    if a.predicted and not a.decoder_of:
        raise SystemExit("--predicted: only a decoder learns from predicted latents; name its codec with --decoder-of")
    config = TINY if a.smoke else {"small": SMALL, "large": LARGE}[a.config]
    codec = Codec(config).to(a.device)
    classifier = nn.Conv1d(config["latent_dim"], len(corpus.SYMBOLS), 3, padding=1).to(a.device)
    # train the decoder of a finished codec alone: its tokens stay what they are, so language models trained on them
    # stay valid
    if a.decoder_of:
        state = common.weights(a.decoder_of, a.device)
        if a.fresh_decoder:
            state = {k: v for k, v in state.items() if k.startswith(ENCODER)}
        codec.load_state_dict(state, strict=False)  # an export leaves out what only trains the quantizer
    frozen = [codec.encoder, codec.to_latent] if a.decoder_of else []
    for module in frozen:
        module.requires_grad_(False)
    optimizer = torch.optim.AdamW(
        [p for p in [*codec.parameters(), *classifier.parameters()] if p.requires_grad],
        a.rate,
        (0.8, 0.99),
        weight_decay=0.01,
        fused=True,
    )
    modules, optimizers = [codec, classifier], [optimizer]
    if a.adversarial:
        discriminators = Discriminators(a)
        modules, optimizers = [*modules, discriminators.module], [*optimizers, discriminators.optimizer]
    rng = np.random.default_rng(a.seed)
    run = common.Run(a, modules, optimizers, rngs=[rng])
    if a.adversarial:
        discriminators.begin(run)
    if a.init and run.step == 0:  # the exported codebooks begin as their own averages
        codec.rvq.ready.fill_(1), codec.rvq.ema_count.fill_(1), codec.rvq.ema_sum.copy_(codec.rvq.codebook)
    frames = 8 if a.smoke else round(a.seconds * 40)
    if not a.smoke:
        data = corpus.Corpus(a.cache)
        longest = max((i["samples"] // corpus.FRAME for i in data.items if not i["validation"]), default=0)
        if longest < 12:
            raise SystemExit(f"{a.cache}: has no clip of 0.3 s or more to train on")
        frames = min(frames, longest - 2)
    size = frames * corpus.FRAME

    if not a.smoke:
        items = [i for i in data.items if not i["validation"] and i["samples"] > size + corpus.FRAME]
        share = lambda item: (
            1.0 if item["kind"] == "synthetic" else a.people
        )  # how often a second of a recording is taken
        weights = np.cumsum([i["samples"] * share(i) for i in items])
        labels = {i["id"]: np.repeat(i["phonemes"], i["durations"]) for i in items if "durations" in i}
    if a.predicted and not a.smoke:
        by_id = {i["id"]: i for i in items}
        predicted = [
            l
            for l in map(json.loads, (Path(a.predicted) / "index.jsonl").read_text("utf8").splitlines())
            if l["frames"] > frames and l["id"] in by_id
        ]
        predicted_weights = np.cumsum([l["frames"] * share(by_id[l["id"]]) for l in predicted])
        predicted_latents = np.memmap(Path(a.predicted) / "latents.f16", np.float16, "r").reshape(
            -1, config["latent_dim"]
        )

    def batch():
        """-> waveform [B, S], phoneme id per frame [B, T] (-1 where unknown), predicted latents {row: [L, T]}"""
        if a.smoke:
            return torch.randn(2, size) * 0.1, torch.randint(0, 56, (2, frames)), {}
        x, y, z = np.zeros((a.batch, size), np.float32), np.full((a.batch, frames), -1), {}
        for n in range(a.batch):
            if a.predicted and n % 2:
                line = corpus.pick(predicted, predicted_weights)
                frame = random.randrange(line["frames"] - frames)
                x[n] = data.audio(by_id[line["id"]], (line["offset"] + frame) * corpus.FRAME, size)
                z[n] = torch.from_numpy(predicted_latents[line["start"] + frame :][:frames].T.astype(np.float32))
                continue
            item = corpus.pick(items, weights)
            total = item["samples"] // corpus.FRAME
            if random.random() < a.others:
                x[n] = augment.another(data, item, size, rng)
                continue
            frame = random.randrange(total - frames)
            shift = (
                random.randrange(-150, 151) if frame > 0 else 0
            )  # sub-frame jitter keeps codes from depending on the frame grid
            x[n] = data.audio(item, frame * corpus.FRAME + shift, size)
            peak = np.abs(x[n]).max()
            x[n] *= min(10 ** random.uniform(-0.4, 0.3), 0.98 / max(peak, 1e-3))
            if item["id"] in labels:
                y[n] = labels[item["id"]][frame : frame + frames]
        return torch.from_numpy(x), torch.from_numpy(y), z

    unquantized = 3 if a.smoke else a.unquantized
    bank = run.kept.setdefault("bank", [])  # latents that the codebooks begin from
    while run.going():
        run.schedule()
        wave, phonemes, heard = batch()
        wave, phonemes = wave.to(a.device), phonemes.to(a.device)
        features = corpus.log_mel(wave)
        with common.autocast(a):
            z = codec.encode(features).float()
        commitment, ce = torch.zeros(()), torch.zeros(())
        if a.decoder_of:
            levels = random.choices(
                (2, 4, 8, 0), (2, 2, 5, 1), k=len(z)
            )  # 0: the latent itself, which the language model's expected vectors come near
            codes = codec.rvq.encode(z)
            q = torch.stack(
                [
                    heard[i].to(z) if i in heard else z[i] if n == 0 else codec.rvq.decode(codes[i : i + 1, :n])[0]
                    for i, n in enumerate(levels)
                ]
            )
        elif run.step < unquantized:
            q = z
            if not codec.rvq.ready:
                bank[:] = [*bank[-79:], z.detach().transpose(1, 2).reshape(-1, z.shape[1])]
                if run.step == unquantized - 1:
                    codec.rvq.start(torch.cat(bank))
                    bank.clear()
        else:
            levels = torch.tensor(random.choices((1, 2, 4, 8), (1, 1, 1, 5), k=len(z)), device=a.device)
            q, first, commitment = codec.rvq(z, levels, run.step)
            if (phonemes >= 0).any():
                ce = F.cross_entropy(classifier(first), phonemes, ignore_index=-1)
        fake, loss, logged = decoded(a, codec, q, wave, 0.75)
        loss = loss + 0.25 * commitment + a.phoneme_weight * ce
        logged |= {"commitment": commitment, "phoneme_ce": ce}
        logged["used_1"] = (codec.rvq.ema_count[0] > 0.02).float().mean() if codec.rvq.ready else 0
        if a.adversarial:
            more, heard_by = discriminators.step(fake, wave, run.step)
            loss, logged = loss + more, logged | heard_by
        common.descend(loss, optimizer, codec, 5.0)
        run.log(logged)
    run.finish()
    if a.adversarial:
        discriminators.save(run.folder)


if __name__ == "__main__":
    main()
