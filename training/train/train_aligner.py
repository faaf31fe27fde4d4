"""Trains the aligner on clips with exact durations: frame-wise cross-entropy, with level, speed, noise and band-limit
augmentation for human recordings."""

import random, sys
from pathlib import Path
import numpy as np, soxr, torch, torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import corpus
from train import common
from mynah.lm import Aligner


def main():
    a = common.arguments(__doc__, batch=16, seconds=2.0, rate=1.5e-3)
    model = Aligner(16, 1) if a.smoke else Aligner()
    model.to(a.device)
    optimizer = torch.optim.AdamW(model.parameters(), a.rate, (0.9, 0.98), weight_decay=0.02)
    run = common.Run(a, [model], [optimizer])
    frames = 8 if a.smoke else round(a.seconds * 40)
    if not a.smoke:
        data = corpus.Corpus(a.cache)
        known = [i for i in data.items if "durations" in i]
        long = [i for i in known if i["samples"] > (frames * 1.2 + 2) * corpus.FRAME] or known
        items, held = ([i for i in long if i["validation"] == v] for v in (False, True))
        if not items:
            raise SystemExit(f"{a.cache}: has no clip with known durations to train on")
        labels = {i["id"]: np.repeat(i["phonemes"], i["durations"]) for i in known}

    def clip(item, augment):
        total, n = item["samples"] // corpus.FRAME, frames
        speed = random.uniform(0.85, 1.18) if augment else 1.0
        n_in = min(total, int(np.ceil(n * speed)) + 1)
        start = random.randrange(total - n_in + 1)
        x = data.audio(item, start * corpus.FRAME, n_in * corpus.FRAME)
        y = labels[item["id"]][start : start + n_in]
        if augment:
            x = soxr.resample(x, corpus.RATE * speed, corpus.RATE, "LQ")
            if random.random() < 0.3:
                x = soxr.resample(soxr.resample(x, corpus.RATE, 16000, "LQ"), 16000, corpus.RATE, "LQ")
            x = x * 10 ** random.uniform(-0.7, 0.2) + np.random.randn(len(x)).astype(np.float32) * 10 ** random.uniform(
                -5, -2.3
            )
        y = y[np.minimum((np.arange(n) + 0.5) * speed, len(y) - 1).astype(int)]
        x = np.resize(x, n * corpus.FRAME) if len(x) < n * corpus.FRAME else x[: n * corpus.FRAME]
        return x.astype(np.float32), y

    def batch(source, augment):
        if a.smoke:
            return torch.randn(2, frames * 600), torch.randint(0, 56, (2, frames))
        x, y = zip(*(clip(i, augment) for i in random.choices(source, k=a.batch)))
        return torch.from_numpy(np.stack(x)), torch.from_numpy(np.stack(y))

    run.kept.setdefault("accuracy", 0.0)
    while run.going():
        run.schedule()
        x, y = (v.to(a.device) for v in batch(None if a.smoke else items, True))
        loss = F.nll_loss(model(corpus.log_mel(x)).transpose(1, 2), y)
        common.descend(loss, optimizer, model, 2.0)
        if run.step % 200 == 199 and not a.smoke and held:
            model.eval()
            with torch.no_grad():
                x, y = batch(held, False)
                run.kept["accuracy"] = (
                    (model(corpus.log_mel(x.to(a.device))).argmax(-1).cpu() == y).float().mean().item()
                )
            model.train()
        run.log({"nll": loss.detach(), "held_out_accuracy": run.kept["accuracy"]}, every=100)
    run.finish()


if __name__ == "__main__":
    main()
