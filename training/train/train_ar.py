"""Trains the autoregressive model: codebook 1 and stay-or-advance, teacher-forced, over prompt and target frames."""

import random, sys
from pathlib import Path
import torch, torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from train import common
from mynah.lm import LARGE, SMALL, TINY, Ar
from data.tokens import Tokens, prompt_latents, random_batch, vary


def main():
    a = common.arguments(__doc__, config="small", codec="", batch=16, rate=1.2e-3, vary=0.1)
    config = TINY if a.smoke else {"small": SMALL, "large": LARGE}[a.config]
    codebook = (
        torch.randn(config["codebooks"], config["codebook_size"], config["latent_dim"])
        if a.smoke
        else common.weights(a.codec)["rvq.codebook"]
    )
    codebook = codebook.to(a.device)
    model = Ar(config, codebook).to(a.device)
    optimizer = torch.optim.AdamW(model.parameters(), a.rate, (0.9, 0.98), weight_decay=0.03, fused=True)
    run = common.Run(a, [model], [optimizer])
    tokens = None if a.smoke else Tokens(a.cache)
    rng, validation_rng = random.Random(a.seed + run.step), None

    def losses(batch, noise):
        batch = {k: v.to(a.device) for k, v in batch.items()}
        codes = batch["codes"]
        quantized = sum(codebook[k][codes[..., k]] for k in range(codes.shape[-1]))
        first = codebook[0][vary(codes[..., 0], codebook[0], noise) if noise else codes[..., 0]]
        this = torch.where((batch["kind"] == 1)[..., None], quantized, first)
        previous, kind = F.pad(this, (0, 0, 1, 0))[:, :-1], F.pad(batch["kind"], (1, 0))[:, :-1]
        with common.autocast(a):
            encoding = model.encode(batch["ids"], batch["ids_valid"], *prompt_latents(batch, quantized))
            logits, advance = model(encoding, batch["frame_phoneme"], batch["age"], previous, kind)
        valid, target = batch["valid"], batch["kind"] == 2
        each = F.cross_entropy(
            logits.flatten(0, 1), codes[..., 0].flatten(), reduction="none", label_smoothing=0.02 if noise else 0.0
        ).view(valid.shape)
        move = F.binary_cross_entropy_with_logits(advance.float(), batch["advance"], reduction="none")
        return (
            (each * valid).sum() / valid.sum() + (move * valid).sum() / valid.sum(),
            (each * target).sum() / target.sum(),
            (move * target).sum() / target.sum(),
        )

    held = torch.zeros(2)
    while run.going():
        run.schedule(warmup=150)
        loss, code, move = losses(random_batch(config) if a.smoke else tokens.batch(a.batch, rng), a.vary)
        common.descend(loss, optimizer, model, 1.0)
        if not a.smoke and run.step % 250 == 249:
            model.eval()
            with torch.no_grad():
                validation_rng = random.Random(5)
                held = torch.stack(
                    [torch.stack(losses(tokens.batch(8, validation_rng, True), 0.0)[1:]).cpu() for _ in range(8)]
                ).mean(0)
            model.train()
        run.log({"code": code.detach(), "move": move.detach(), "held_code": held[0], "held_move": held[1]})
    run.finish()


if __name__ == "__main__":
    main()
