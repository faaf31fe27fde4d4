"""Trains the non-autoregressive model: from the first codebook of the target frames to the sum of all others."""

import random, sys
from pathlib import Path
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from train import common
from mynah.lm import CONFIGS, TINY, Nar
from data.tokens import Tokens, batches, random_batch, vary, vectors

SHARES = {
    "synthetic": 0.35,
    "librispeech": 0.3,
    "speech-to-intent": 0.12,
    "kathleen": 0.05,
    "common-voice": 0.18,
    "recordings": 1,
}  # of the targets
CHECK_EVERY = 250  # steps


def main():
    a = common.arguments(__doc__, config="small", codec="", batch=16, rate=1.2e-3, workers=0, vary=0.2)
    config = TINY if a.smoke else CONFIGS[a.config]
    codebook = (
        torch.randn(config["codebooks"], config["codebook_size"], config["latent_dim"])
        if a.smoke
        else common.weights(a.codec)["rvq.codebook"]
    )
    codebook = codebook.to(a.device)
    model = Nar(config).to(a.device)
    optimizer = torch.optim.AdamW(model.parameters(), a.rate, (0.9, 0.98), weight_decay=0.03, fused=True)
    run = common.Run(a, [model], [optimizer])
    tokens = None if a.smoke else Tokens(a.cache, textless=True, shares=SHARES)
    stream = None if a.smoke else batches(tokens, a.batch, a.seed, a.workers, run.step)

    def error(batch, noise):
        """-> squared error over the power of what is to be predicted (1 = nothing learned)"""
        batch = {k: v.to(a.device) for k, v in batch.items()}
        codes, target = batch["codes"], batch["kind"] == 2
        quantized, voice = vectors(codes, codebook), vectors(batch["voice"], codebook)
        first = codebook[0][vary(codes[..., 0], codebook[0], noise) if noise else codes[..., 0]]
        with common.autocast(a):
            encoding = model.encode(batch["ids"], batch["ids_valid"], voice, batch["voice_valid"])
            residual = model(encoding, batch["frame_phoneme"], quantized, first, batch["kind"] == 1, batch["valid"])
        wanted = (quantized - first)[target]
        return (residual[target] - wanted).pow(2).sum(-1).mean() / wanted.pow(2).sum(-1).mean()

    held = run.kept

    def check():
        """The error of held-out speakers, each kind by itself."""
        model.eval()
        with torch.no_grad():
            for kind in tokens.groups[True]:
                rng = random.Random(5)
                each = [error(tokens.batch(6, rng, True, kind), 0.0).cpu() for _ in range(4)]
                held[f"held_{kind}"] = torch.stack(each).mean()
        model.train()

    while run.going():
        if not a.smoke and (not held or run.step % CHECK_EVERY == 0):
            check()
        run.schedule(warmup=60)
        loss = error(random_batch(config) if a.smoke else next(stream), a.vary)
        common.descend(loss, optimizer, model, 0.25)
        run.log({"error": loss.detach(), **held})
    run.finish()


if __name__ == "__main__":
    main()
