"""Trains the pronunciation scorer, an aligner that hears first codes instead of a log-mel: frame-wise cross-entropy. It
tells which of several candidates of the AR model sounds like its phonemes."""

import random, sys
from pathlib import Path
import numpy as np, torch, torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from train import common
from mynah.lm import SMALL, TINY, Aligner
from data.tokens import Tokens


def main():
    a = common.arguments(__doc__, codec="", batch=32, frames=100, rate=2e-3)
    config = TINY if a.smoke else SMALL
    codebook = common.codebook(a, config)[0]
    model = Aligner(16, 1, n_input=config["latent_dim"]) if a.smoke else Aligner(n_input=config["latent_dim"])
    model.to(a.device)
    optimizer = torch.optim.AdamW(model.parameters(), a.rate, (0.9, 0.98), weight_decay=0.03)
    rng = random.Random(a.seed)
    run = common.Run(a, [model], [optimizer], rngs=[rng])
    if not a.smoke:
        tokens = Tokens(a.cache, longest=1 << 20)
        known = [i for i in tokens.items if not i["prompt_only"]]
        if not any(not i["validation"] for i in known):
            raise SystemExit(f"{a.cache}: has no clip to train on")
        a.frames = min(a.frames, max(i["frames"] for i in known if not i["validation"]))
        known = [i for i in known if i["frames"] >= a.frames]
        items, held = ([i for i in known if i["validation"] == v] for v in (False, True))

    def batch(source, rng, size):
        """-> first codes and phonemes [size, frames] of random passages"""
        if a.smoke:
            return torch.randint(0, config["codebook_size"], (2, 8)), torch.randint(0, config["symbols"], (2, 8))
        rows = []
        for item in rng.choices(source, k=size):
            start = rng.randrange(item["frames"] - a.frames + 1)
            passage = slice(start, start + a.frames)
            rows.append(
                (
                    tokens.codes(item)[passage, 0].astype(np.int64),
                    np.repeat(item["phonemes"], item["durations"])[passage],
                )
            )
        return tuple(torch.from_numpy(np.stack(each)) for each in zip(*rows))

    def loss_of(codes, phonemes):
        p = model(codebook[codes.to(a.device)].transpose(1, 2))
        return F.nll_loss(p.transpose(1, 2), phonemes.to(a.device)), (p.argmax(-1).cpu() == phonemes).float().mean()

    run.kept.setdefault("held", [torch.zeros(()), torch.zeros(())])
    while run.going():
        run.schedule()
        loss, _ = loss_of(*batch(None if a.smoke else items, rng, a.batch))
        common.descend(loss, optimizer, model, 2.0)
        if run.step % 200 == 199 and not a.smoke and held:
            model.eval()
            with torch.no_grad():
                run.kept["held"] = list(loss_of(*batch(held, random.Random(1), 64)))
            model.train()
        run.log(
            {"nll": loss.detach(), "held_out_nll": run.kept["held"][0], "held_out_accuracy": run.kept["held"][1]},
            every=100,
        )
    run.finish()


if __name__ == "__main__":
    main()
