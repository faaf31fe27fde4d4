"""Trains the autoregressive model: codebook 1 and stay-or-advance, teacher-forced. The prompt's frames count less than
the target's: nothing ever has to speak them."""

import random, sys
from pathlib import Path
import torch, torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from train import common
from mynah.lm import CONFIGS, TINY, Ar
from data.tokens import Tokens, batches, random_batch, vary, vectors

SHARES = {
    "synthetic": 0.45,
    "librispeech": 0.37,
    "speech-to-intent": 0.12,
    "kathleen": 0.06,
    "recordings": 1,
}  # of targets
PROMPT_WEIGHT = 0.3
CHECK_EVERY = 250  # steps


def main():
    a = common.arguments(__doc__, config="small", codec="", batch=16, rate=1.2e-3, workers=0, vary=0.1)
    config = TINY if a.smoke else CONFIGS[a.config]
    codebook = (
        torch.randn(config["codebooks"], config["codebook_size"], config["latent_dim"])
        if a.smoke
        else common.weights(a.codec)["rvq.codebook"]
    )
    codebook = codebook.to(a.device)
    model = Ar(config, codebook).to(a.device)
    optimizer = torch.optim.AdamW(model.parameters(), a.rate, (0.9, 0.98), weight_decay=0.03, fused=True)
    run = common.Run(a, [model], [optimizer])
    tokens = None if a.smoke else Tokens(a.cache, shares=SHARES)
    stream = None if a.smoke else batches(tokens, a.batch, a.seed, a.workers, run.step)

    def losses(batch, noise):
        batch = {k: v.to(a.device) for k, v in batch.items()}
        codes = batch["codes"]
        quantized, voice = vectors(codes, codebook), vectors(batch["voice"], codebook)
        first = codebook[0][vary(codes[..., 0], codebook[0], noise) if noise else codes[..., 0]]
        this = torch.where((batch["kind"] == 1)[..., None], quantized, first)
        previous, kind = F.pad(this, (0, 0, 1, 0))[:, :-1], F.pad(batch["kind"], (1, 0))[:, :-1]
        with common.autocast(a):
            encoding = model.encode(batch["ids"], batch["ids_valid"], voice, batch["voice_valid"])
            logits, advance = model(encoding, batch["frame_phoneme"], batch["age"], previous, kind)
        valid, target = batch["valid"], batch["kind"] == 2
        weight = target + PROMPT_WEIGHT * (valid & ~target)
        each = F.cross_entropy(
            logits.flatten(0, 1), codes[..., 0].flatten(), reduction="none", label_smoothing=0.02 if noise else 0.0
        ).view(valid.shape)
        move = F.binary_cross_entropy_with_logits(advance.float(), batch["advance"], reduction="none")
        return (
            ((each + move) * weight).sum() / weight.sum(),
            (each * target).sum() / target.sum(),
            (move * target).sum() / target.sum(),
        )

    held = run.kept

    def check():
        """The losses of held-out speakers, each kind by itself."""
        model.eval()
        with torch.no_grad():
            for kind in tokens.groups[True]:
                rng = random.Random(5)
                each = [torch.stack(losses(tokens.batch(6, rng, True, kind), 0.0)[1:]).cpu() for _ in range(4)]
                held[f"{kind}_code"], held[f"{kind}_move"] = torch.stack(each).mean(0)
        model.train()

    while run.going():
        if not a.smoke and (not held or run.step % CHECK_EVERY == 0):
            check()
        run.schedule(warmup=60)
        loss, code, move = losses(random_batch(config) if a.smoke else next(stream), a.vary)
        common.descend(loss, optimizer, model, 1.0)
        run.log({"code": code.detach(), "move": move.detach(), **held})
    run.finish()


if __name__ == "__main__":
    main()
