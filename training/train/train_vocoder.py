"""Trains the vocoder of one paper on the cache of corpus.py, by the recipe at the end of papers/vocoders/PAPER.py.

usage: python train/train_vocoder.py --paper hifi-gan --preset v1 --cache CACHE --run RUN
RUN/export holds the generator as the paper's repository publishes it, which `loadVocoder` reads, and a parity case.
With --latents CODEC (RUN/last.pt, or codec.safetensors,vocoder.safetensors of a bundle) and a preset of that name it
reads the latents of Mynah's codec instead of a mel.
"""

import importlib, sys
from pathlib import Path
import numpy as np, torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import corpus
from data.mels import LogMel
from mynah.latents import Latents
from train import common
from export.cases import write_case


def main():
    a = common.arguments(__doc__, paper="", preset="", config="", codec="", latents="", batch=0)
    paper = importlib.import_module("papers.vocoders." + a.paper.replace("-", "_"))
    config = common.config_of(a, paper.PRESETS)
    recipe = paper.Recipe(config, a.codec) if a.codec else paper.Recipe(config)
    if a.latents:
        recipe.front_end, recipe.loss_mel = Latents(a.latents), LogMel(corpus.RATE, 1024, 256, 80, epsilon=1e-9)
    generator = paper.Generator(config, *recipe.codewords).to(a.device)
    for part in (recipe.front_end, recipe.loss_mel, recipe.discriminators):
        part.to(a.device)
    optimizer, discriminator_optimizer = recipe.optimizers(generator)
    run = common.Run(a, [generator, recipe.discriminators, recipe.front_end], [optimizer, discriminator_optimizer])
    batch_size = a.batch or recipe.batch
    draw = (
        corpus.Noise(recipe.segment) if a.smoke else corpus.Segments(a.cache, recipe.rate, recipe.segment, recipe.level)
    )
    batch = lambda: common.waves(draw, batch_size, a.device)
    epoch = max(1, len(draw.items) // batch_size)
    learn = lambda loss: common.descend_if_finite(
        loss.backward, discriminator_optimizer, recipe.clipped(), recipe.discriminators_clip
    )

    if run.step == 0 and recipe.front_end.statistics:
        with torch.no_grad():
            recipe.front_end.fit([x[None] for _ in range(2 if a.smoke else 50) for x in batch()])
    while run.going():
        run.scale_rates(recipe.decay(run.step, epoch))
        real = batch()
        with torch.no_grad():
            features = recipe.features(real)
        fake = generator(*features)[:, 0]
        length = min(real.shape[1], fake.shape[1])  # what codes and frames leave over at the end
        real, fake = real[:, :length], fake[:, :length]
        logged, terms = {}, recipe.spectral(fake, real)
        if run.step >= recipe.discriminators_from:
            adversarial, logged["discriminators"] = common.adversarial(a, recipe, real, fake, learn)
            terms |= adversarial
        loss = sum(terms.values())
        common.descend_if_finite(loss.backward, optimizer, [[*generator.parameters()]], recipe.clip)
        with torch.no_grad():
            logged["mel_l1"] = nn.functional.l1_loss(recipe.loss_mel(fake), recipe.loss_mel(real))
        run.log(
            {
                **{k: logged.get(k, 0.0) for k in ("discriminators", "mel_l1")},
                **{k: terms[k].detach() if k in terms else 0.0 for k in ("stft", "mel", "adversarial", "matching")},
            }
        )
    run.finish()

    @torch.no_grad()
    def export(folder, frames=24):
        generator.eval()
        features = [f[:1, ..., :frames] if f.dim() > 1 else f[:1] for f in recipe.features(batch())]
        if hasattr(generator, "noise"):
            features.append(generator.noise(features[0]))
        io = recipe.parity(features, generator(*features))
        write_case(
            folder,
            recipe.arch or paper.ARCH,
            (paper.CHECKPOINT.format(step=run.step), paper.NESTING),
            generator.state_dict(),
            (paper.CONFIG, config),
            io,
            **recipe.about,
        )
        if recipe.front_end.statistics:
            np.save(folder / "stats.npy", torch.stack([recipe.front_end.mean, recipe.front_end.scale]).cpu().numpy())

    export(Path(a.run) / "export")


if __name__ == "__main__":
    main()
