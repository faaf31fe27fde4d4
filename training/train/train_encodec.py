"""Trains EnCodec or SoundStream on the cache of corpus.py, by the recipe at the end of papers/codecs/PAPER.py.

usage: python train/train_encodec.py --paper encodec --preset 24khz --cache CACHE --run RUN
RUN/export holds the codec with the published names, which `loadCodec` reads, and a parity case.
"""

import importlib, sys
from pathlib import Path
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import corpus
from train import common
from export.cases import write_case


def main():
    a = common.arguments(__doc__, paper="encodec", preset="", config="", batch=0)
    paper = importlib.import_module("papers.codecs." + a.paper)
    config = common.config_of(a, paper.PRESETS)
    recipe, codec = paper.Recipe(config), paper.Codec(config).to(a.device)
    recipe.discriminators.to(a.device)
    rate = config.get("learning_rate", recipe.rate)
    optimizer, discriminator_optimizer = (
        torch.optim.Adam(m.parameters(), rate, (0.5, 0.9)) for m in (codec, recipe.discriminators)
    )
    run = common.Run(a, [codec, recipe.discriminators], [optimizer, discriminator_optimizer])
    if hasattr(recipe, "balancer"):
        recipe.balancer.norms = run.kept.setdefault("norms", {})
    size = 4800 if a.smoke else round(recipe.segment * config["sample_rate"]) // codec.hop * codec.hop
    draw = corpus.Noise(size) if a.smoke else corpus.Segments(a.cache, config["sample_rate"], size)
    count = 2 if a.smoke else a.batch or config.get("batch_size", recipe.batch)
    learn = lambda loss: common.descend_if_finite(
        loss.backward, discriminator_optimizer, [[*recipe.discriminators.parameters()]]
    )

    def batch():
        """-> waveform [B, C, S]. The corpus is mono: for a stereo codec each piece is panned, so that one learned here
        knows where a voice is, but no rooms and no music."""
        x = common.waves(draw, count, a.device)[:, None]
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
        terms = recipe.reconstruct(fake, real)
        adversarial, told = common.adversarial(a, recipe, real, fake, recipe.judged() and learn)
        terms |= adversarial
        common.descend_if_finite(lambda: recipe.backward(terms, fake, commitment), optimizer, [[*codec.parameters()]])
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
