"""Trains the non-autoregressive model: from the first codebook of the target frames to the sum of all others."""

import random, sys
from pathlib import Path
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from train import common
from mynah.lm import LARGE, SMALL, TINY, Nar
from data.tokens import Tokens, prompt_latents, random_batch, vary


def main():
    a = common.arguments(__doc__, config="small", codec="", batch=16, rate=1.2e-3, vary=0.2)
    config = TINY if a.smoke else {"small": SMALL, "large": LARGE}[a.config]
    codebook = (
        torch.randn(config["codebooks"], config["codebook_size"], config["latent_dim"])
        if a.smoke
        else common.weights(a.codec)["rvq.codebook"]
    )
    codebook = codebook.to(a.device)
    model = Nar(config).to(a.device)
    optimizer = torch.optim.AdamW(model.parameters(), a.rate, (0.9, 0.98), weight_decay=0.03, fused=True)
    run = common.Run(a, [model], [optimizer])
    tokens = None if a.smoke else Tokens(a.cache)
    rng = random.Random(a.seed + run.step)

    def error(batch, noise):
        """-> squared error over the power of what is to be predicted (1 = nothing learned)"""
        batch = {k: v.to(a.device) for k, v in batch.items()}
        codes, target = batch["codes"], batch["kind"] == 2
        quantized = sum(codebook[k][codes[..., k]] for k in range(codes.shape[-1]))
        first = codebook[0][vary(codes[..., 0], codebook[0], noise) if noise else codes[..., 0]]
        with common.autocast(a):
            encoding = model.encode(batch["ids"], batch["ids_valid"], *prompt_latents(batch, quantized))
            residual = model(encoding, batch["frame_phoneme"], quantized, first, batch["kind"] == 1, batch["valid"])
        wanted = (quantized - first)[target]
        return (residual[target] - wanted).pow(2).sum(-1).mean() / wanted.pow(2).sum(-1).mean()

    held = torch.zeros(())
    while run.going():
        run.schedule(warmup=150)
        loss = error(random_batch(config) if a.smoke else tokens.batch(a.batch, rng), a.vary)
        common.descend(loss, optimizer, model, 0.25)
        if not a.smoke and run.step % 250 == 249:
            model.eval()
            with torch.no_grad():
                validation_rng = random.Random(5)
                held = torch.stack([error(tokens.batch(4, validation_rng, True), 0.0).cpu() for _ in range(12)]).mean()
            model.train()
        run.log({"error": loss.detach(), "held_error": held})
    run.finish()


if __name__ == "__main__":
    main()
