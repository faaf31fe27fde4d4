"""Trains the non-autoregressive model: codebooks 2 … K of the target frames, one stage per batch, with a second loss on the remaining residual vector itself."""
import random
import torch, torch.nn.functional as F
from torch import nn
import common
from lm import LARGE, SMALL, TINY, Nar
from tokens import Tokens, prompt_latents, random_batch, vary

STAGES = [8, 5, 1, 0.5, 0.3, 0.2, 0.2]  # how often each is trained: speaking takes the first two, the second of which predicts all that is left
a = common.arguments(__doc__, config="small", codec="", batch=16, rate=1.2e-3, vary=0.2, residual_weight=4.0)
config = TINY if a.smoke else {"small": SMALL, "large": LARGE}[a.config]
codebook = torch.randn(config["codebooks"], config["codebook_size"], config["latent_dim"]) if a.smoke else common.weights(a.codec)["rvq.codebook"]
codebook = codebook.to(a.device)
stages = config["codebooks"] - 1
model = Nar(config, codebook).to(a.device)
optimizer = torch.optim.AdamW(model.parameters(), a.rate, (0.9, 0.98), weight_decay=0.03, fused=True)
run = common.Run(a, [model], [optimizer])
tokens = None if a.smoke else Tokens(a.cache)
rng = random.Random(a.seed + run.step)


def losses(batch, stage, noise):
    """-> cross-entropy of the stage's code, and the residual's squared error over its power (1 = nothing learned)"""
    batch = {k: v.to(a.device) for k, v in batch.items()}
    codes, target = batch["codes"], batch["kind"] == 2
    quantized = sum(codebook[k][codes[..., k]] for k in range(codes.shape[-1]))
    first = vary(codes[..., 0], codebook[0], noise) if noise else codes[..., 0]
    known, code = codebook[0][first], None
    for k in range(1, stage + 2):  # quantize again after the varied first code
        e = codebook[k]
        code = (2 * (quantized - known) @ e.T - e.pow(2).sum(-1)).argmax(-1) if noise else codes[..., k]
        if k <= stage:
            known = known + e[code]
    residual = quantized - known
    known = torch.where((batch["kind"] == 1)[..., None], quantized, known)
    with common.autocast(a):
        encoding = model.encode(batch["ids"], batch["ids_valid"], *prompt_latents(batch, quantized))
        logits, vector = model(encoding, batch["frame_phoneme"], known, (batch["kind"] == 1).long(), batch["valid"], stage)
    ce = F.cross_entropy(logits[target], code[target])
    error = (vector[target] - residual[target]).pow(2).sum(-1).mean() / residual[target].pow(2).sum(-1).mean()
    return ce, error


held = torch.zeros(4)
while run.going():
    run.schedule(warmup=150)
    stage = rng.choices(range(stages), STAGES[:stages])[0]
    ce, error = losses(random_batch(config) if a.smoke else tokens.batch(a.batch, rng), stage, a.vary)
    optimizer.zero_grad()
    (ce + a.residual_weight * error).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if not a.smoke and run.step % 250 == 249:
        model.eval()
        with torch.no_grad():
            validation_rng = random.Random(5)
            held = torch.stack([torch.stack([*losses(tokens.batch(4, validation_rng, True), 0, 0.0), *losses(tokens.batch(4, validation_rng, True), 2, 0.0)]).cpu() for _ in range(6)]).mean(0)
        model.train()
    run.log({"ce": ce.detach(), "error": error.detach(), "held_ce_1": held[0], "held_error_1": held[1], "held_ce_3": held[2], "held_error_3": held[3]})
run.finish()
