"""Trains EnCodec or SoundStream on the cache of corpus.py, by the recipe at the end of neural_codecs/PAPER.py.

usage: python train/train_encodec.py --paper encodec --preset 24khz --cache CACHE --run RUN
RUN/export holds the codec with the published names, which `loadCodec` reads, and a parity case.
"""

import importlib, sys
from pathlib import Path
import numpy as np, torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import corpus
from train import common
from export.cases import write_case


def main():
    a = common.arguments(__doc__, paper="encodec", preset="", config="", batch=0)
    paper = importlib.import_module("papers.codecs." + a.paper)
    config = (
        common.read_config(a.config)
        if a.config
        else paper.PRESETS["tiny" if a.smoke and not a.preset else a.preset or "24khz"]
    )
    recipe, codec = paper.Recipe(config), paper.Codec(config).to(a.device)
    recipe.discriminators.to(a.device)
    optimizer, discriminator_optimizer = (
        torch.optim.Adam(m.parameters(), recipe.rate, (0.5, 0.9)) for m in (codec, recipe.discriminators)
    )
    run = common.Run(a, [codec, recipe.discriminators], [optimizer, discriminator_optimizer])
    if hasattr(recipe, "balancer"):
        recipe.balancer.norms = run.kept.setdefault("norms", {})
    size = 4800 if a.smoke else round(recipe.segment * config["sample_rate"]) // codec.hop * codec.hop
    segments = None if a.smoke else corpus.Segments(a.cache, config["sample_rate"], size)

    def batch():
        """-> waveform [B, C, S]. The corpus is mono: for a stereo codec each piece is panned, so that one learned here
        knows where a voice is, but no rooms and no music."""
        count = a.batch or recipe.batch
        x = np.stack([segments() for _ in range(count)]) if segments else 0.1 * np.random.randn(2, size)
        x = torch.from_numpy(x.astype(np.float32)).to(a.device)[:, None]
        if config["channels"] == 1:
            return x
        left = torch.rand(len(x), 1, 1, device=a.device)
        return x * torch.cat([left, 1 - left], 1).sqrt()

    while run.going():
        real = batch()
        levels = recipe.levels(codec)
        x, scale = codec.normalized(real)
        quantized, commitment = codec.quantizer(codec.encoder(x), levels)
        fake = codec.decoder(quantized) * scale[..., None]
        terms, told = recipe.reconstruct(fake, real), 0.0
        if recipe.judged():
            with common.autocast(a):
                loss = recipe.judge(recipe.hear(real), recipe.hear(fake.detach()))
            discriminator_optimizer.zero_grad()
            loss.backward()
            discriminator_optimizer.step()
            told = loss.detach()
        recipe.discriminators.requires_grad_(False)
        with common.autocast(a):
            with torch.no_grad():
                heard = recipe.hear(real)
            terms |= recipe.fool(heard, recipe.hear(fake))
        recipe.discriminators.requires_grad_(True)
        optimizer.zero_grad()
        recipe.backward(terms, fake, commitment)
        optimizer.step()
        run.log(
            {
                **{k: v.detach() for k, v in terms.items()},
                "commitment": commitment.detach(),
                "discriminators": told,
                "levels": levels,
            }
        )
    run.finish()

    @torch.no_grad()
    def export(folder):
        codec.eval()
        wave = batch()[:1, :, : 24 * codec.hop]  # less than a segment
        io, (x, scale) = {"audio_in": wave}, codec.normalized(wave)
        part = "_seg0" if config["normalize"] else ""
        for kbps in config["target_bandwidths"]:
            codes = codec.encode(x, kbps)
            io[f"codes_bw{kbps}{part}"] = codes
            io[f"audio_out_bw{kbps}"] = codec.decode(codes) * scale[..., None]
            if part:
                io[f"scale_bw{kbps}{part}"] = scale.clone()
            else:
                io["latent"] = codec.encoder(x)
        write_case(
            folder,
            paper.ARCH,
            (paper.CHECKPOINT.format(step=run.step), []),
            codec.state_dict(),
            ("config.json", config),
            io,
        )

    export(Path(a.run) / "export")


if __name__ == "__main__":
    main()
