"""What train_ar.py and train_nar.py share: codebook, batches, the check on held-out speakers, and the loop."""

import random
import torch
from data.tokens import Tokens, batches, random_batch, vary, vectors
from mynah.lm import CONFIGS, TINY
from train import common

CHECK_EVERY = 250  # steps


def begin(description, **defaults):
    """-> arguments, config and codebook [K, N, L]"""
    a = common.arguments(description, config="small", codec="", batch=16, rate=1.2e-3, workers=0, **defaults)
    config = TINY if a.smoke else CONFIGS[a.config]
    return a, config, common.codebook(a, config)


def embed(batch, codebook, noise=0.0):
    """-> the vectors of all codes, of the first codes, of which a share `noise` is wrong, and of the voice"""
    first = batch["codes"][..., 0]
    quantized, voice = vectors(batch["codes"], codebook), vectors(batch["voice"], codebook)
    return quantized, codebook[0][vary(first, codebook[0], noise) if noise else first], voice


def train(a, config, model, losses, held_name, norm, **of_tokens):
    """losses: a batch on the device and a share of wrong first codes -> what is minimized, and what is logged, by name;
    held_name: the column of one of these for a {kind} of held-out speakers; norm: of the gradient at most; of_tokens:
    options of Tokens"""
    optimizer = torch.optim.AdamW(model.parameters(), a.rate, (0.9, 0.98), weight_decay=0.03, fused=True)
    run = common.Run(a, [model], [optimizer])
    held = run.kept
    tokens = None if a.smoke else Tokens(a.cache, **of_tokens)
    stream = None if a.smoke else batches(tokens, a.batch, a.seed, a.workers, run.step)
    on_device = lambda batch: {k: v.to(a.device) for k, v in batch.items()}

    @torch.no_grad()
    def check():
        """Each kind of held-out speakers by itself"""
        model.eval()
        for kind in tokens.groups[True]:
            rng = random.Random(5)
            each = [losses(on_device(tokens.batch(6, rng, True, kind)), 0.0)[1] for _ in range(4)]
            for name in each[0]:
                mean = torch.stack([logged[name].cpu() for logged in each]).mean()
                held[held_name.format(kind=kind, name=name)] = mean
        model.train()

    while run.going():
        if not a.smoke and (not held or run.step % CHECK_EVERY == 0):
            check()
        run.schedule(warmup=60)
        loss, logged = losses(on_device(random_batch(config) if a.smoke else next(stream)), a.vary)
        common.descend(loss, optimizer, model, norm)
        run.log({**{k: v.detach() for k, v in logged.items()}, **held})
    run.finish()
