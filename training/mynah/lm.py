"""Mynah's language model, VALL-E (arXiv:2301.02111) with a monotonic alignment: AR over codebook 1, NAR over the rest,
and a small aligner.

At frame t the causal decoder sees the previous frame's code, the encoding of the *current* phoneme and how many frames
that phoneme has lasted, and predicts
the code of frame t and whether the next frame stays on the phoneme or advances. It cannot skip or repeat, knows when to
stop, and yields word times.
The voice comes from the prompt alone: its frames (sum of all codebooks) stand before the target in context, and their
pooled statistics are added to every position.
Codes are seen as the codec's own (frozen) codebook vectors and predicted as vectors scored against them by scaled
negative squared distance plus a bias.
"""

import math
import torch, torch.nn.functional as F
from torch import nn

SMALL = dict(
    symbols=56,
    dim=256,
    heads=4,
    encoder_layers=3,
    ar_layers=6,
    nar_layers=6,
    latent_dim=64,
    codebooks=8,
    codebook_size=1024,
    max_age=32,
    window=48,
)
MEDIUM = dict(SMALL, dim=320, heads=5)  # as large as the limits on speed and size let a bundle be
LARGE = dict(SMALL, dim=512, heads=8, encoder_layers=4, ar_layers=8, nar_layers=8)
TINY = dict(
    SMALL, dim=16, heads=2, encoder_layers=1, ar_layers=1, nar_layers=1, latent_dim=8, codebooks=3, codebook_size=16
)

CONFIGS = dict(small=SMALL, medium=MEDIUM, large=LARGE)


def config_of(state):
    """The config that a state dict of Ar or Nar was made with: the one whose sizes it has."""
    dim, layers = state["norm.weight"].shape[0], 1 + max(int(k.split(".")[1]) for k in state if k.startswith("blocks."))
    return next(c for c in CONFIGS.values() if c["dim"] == dim and layers in (c["ar_layers"], c["nar_layers"]))


def rotate(x, positions):
    """Rotary position embedding, half-split layout: x [B, H, T, D], positions [T] or [B, T]."""
    half = x.shape[-1] // 2
    frequency = torch.exp(torch.arange(half, device=x.device) * (-math.log(10000.0) / half))
    angle = positions.float()[..., None] * frequency  # [(B,) T, D/2]
    if angle.dim() == 3:
        angle = angle[:, None]
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


class Block(nn.Module):
    """Pre-LN transformer block."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.linear1, self.linear2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x, positions, mask):
        """x [B, T, D], mask bool [B, 1, T, T], true where attended, None for causal"""
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(rotate(q, positions), rotate(k, positions), v, mask, is_causal=mask is None)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class PhonemeEncoder(nn.Module):
    """Phoneme ids [B, P] -> [B, P, D], bidirectional."""

    def __init__(self, c):
        super().__init__()
        self.embedding = nn.Embedding(c["symbols"], c["dim"])
        self.blocks = nn.ModuleList(Block(c["dim"], c["heads"]) for _ in range(c["encoder_layers"]))
        self.norm = nn.LayerNorm(c["dim"])

    def forward(self, ids, valid):
        """valid [B, P] bool"""
        x = self.embedding(ids)
        mask = valid[:, None, None]
        for block in self.blocks:
            x = block(x, torch.arange(ids.shape[1], device=ids.device), mask)
        return self.norm(x)


class Speaker(nn.Module):
    """Prompt latents [B, T, L] -> [B, D]: mean and deviation over time of a per-frame MLP."""

    def __init__(self, c):
        super().__init__()
        self.linear1, self.linear2, self.linear3 = (
            nn.Linear(c["latent_dim"], c["dim"]),
            nn.Linear(c["dim"], c["dim"]),
            nn.Linear(2 * c["dim"], c["dim"]),
        )

    def forward(self, z, valid):
        x = F.gelu(self.linear2(F.gelu(self.linear1(z))))
        w = valid.float()[..., None]
        n = w.sum(1).clamp(min=1)
        mean = (x * w).sum(1) / n
        deviation = (((x - mean[:, None]).pow(2) * w).sum(1) / n + 1e-5).sqrt()
        return self.linear3(torch.cat([mean, deviation], -1))


class Scorer(nn.Module):
    """A predicted vector scored against the first codebook: scale * (2 v.e - |e|^2) + bias."""

    def __init__(self, codebook):
        """codebook [1, N, L]"""
        super().__init__()
        self.register_buffer("codebook", codebook.clone())
        power = codebook.pow(2).sum(-1).mean(-1).clamp(min=1e-6)
        self.log_scale = nn.Parameter(torch.log(1.0 / power))  # [1]
        self.bias = nn.Parameter(torch.zeros(codebook.shape[:2]))

    def forward(self, v):
        e = self.codebook[0]
        with torch.autocast(v.device.type, enabled=False):  # logits need full precision
            return self.log_scale[0].exp() * (2 * v.float() @ e.T - e.pow(2).sum(-1)) + self.bias[0]


class Ar(nn.Module):
    def __init__(self, config, codebook):
        """codebook [K, N, L] of the codec"""
        super().__init__()
        self.config = c = config
        self.phonemes, self.speaker, self.scorer = PhonemeEncoder(c), Speaker(c), Scorer(codebook[:1])
        self.from_code = nn.Linear(c["latent_dim"], c["dim"])
        self.kind = nn.Embedding(
            3, c["dim"]
        )  # what the previous frame is: 0 none (the very first), 1 prompt (all codebooks), 2 generated (codebook 1)
        self.age = nn.Embedding(c["max_age"], c["dim"])
        self.blocks = nn.ModuleList(Block(c["dim"], c["heads"]) for _ in range(c["ar_layers"]))
        self.norm = nn.LayerNorm(c["dim"])
        self.to_vector, self.to_advance = nn.Linear(c["dim"], c["latent_dim"]), nn.Linear(c["dim"], 1)

    def encode(self, ids, valid, prompt, prompt_valid):
        """-> phoneme encodings with the voice added [B, P, D]"""
        return self.phonemes(ids, valid) + self.speaker(prompt, prompt_valid)[:, None]

    def forward(self, encoding, frame_phoneme, age, previous, kind):
        """encoding [B, P, D]; frame_phoneme, age, kind [B, T]; previous [B, T, L] vector of the frame before -> logits
        [B, T, N], advance [B, T]"""
        x = torch.gather(encoding, 1, frame_phoneme[..., None].expand(-1, -1, encoding.shape[-1]))
        x = x + self.from_code(previous) + self.kind(kind) + self.age(age.clamp(max=self.config["max_age"] - 1))
        t = x.shape[1]
        for block in self.blocks:  # causal: no frame sees the padding, which comes after the last
            x = block(x, torch.arange(t, device=x.device), None)
        x = self.norm(x)
        return self.scorer(self.to_vector(x)), self.to_advance(x)[..., 0]


class Nar(nn.Module):
    """Predicts what the other codebooks of every target frame add to the first one, all at once: their sum, as a
    vector."""

    def __init__(self, config):
        super().__init__()
        self.config = c = config
        self.phonemes, self.speaker = PhonemeEncoder(c), Speaker(c)
        self.from_code = nn.Linear(c["latent_dim"], c["dim"])
        self.kind = nn.Embedding(2, c["dim"])  # 0 target, 1 prompt
        self.blocks = nn.ModuleList(Block(c["dim"], c["heads"]) for _ in range(c["nar_layers"]))
        self.norm = nn.LayerNorm(c["dim"])
        self.to_residual = nn.Linear(c["dim"], c["latent_dim"])

    def encode(self, ids, valid, prompt, prompt_valid):
        return self.phonemes(ids, valid) + self.speaker(prompt, prompt_valid)[:, None]

    def forward(self, encoding, frame_phoneme, quantized, first, prompt, valid):
        """quantized [B, T, L] all codebooks, read where the bool prompt [B, T] is true; first [B, T, L] the first
        codebook's vectors -> what is to be added to `first` [B, T, L]"""
        known = torch.where(prompt[..., None], quantized, first)
        x = torch.gather(encoding, 1, frame_phoneme[..., None].expand(-1, -1, encoding.shape[-1]))
        x = x + self.from_code(known) + self.kind(prompt.long())
        at = torch.arange(x.shape[1], device=x.device)
        near = (at[:, None] - at[None]).abs() <= self.config["window"]
        mask = (near | prompt[:, None, None]) & valid[
            :, None, None
        ]  # every frame sees the whole prompt, and its neighbours
        for block in self.blocks:
            x = block(x, at, mask)
        return self.to_residual(self.norm(x)).float()


class Aligner(nn.Module):
    """Log-mel frames [B, 160, T] -> phoneme log-probabilities [B, T, symbols] per 25 ms frame; Viterbi over them aligns
    a known text."""

    def __init__(self, dim=160, layers=6, symbols=56, n_input=160):
        super().__init__()
        from mynah.codec import Stack

        self.stack, self.out = Stack(n_input, dim, layers), nn.Linear(dim, symbols)

    def forward(self, features):
        x = (features - features.mean(2, keepdim=True)) / 3.0  # removes level and channel
        return self.out(self.stack(x).transpose(1, 2)).log_softmax(-1)


def viterbi(log_probs, ids):
    """Monotonic alignment: log_probs [T, S], ids [P] -> durations [P] (each >= 1, sum T) and the mean log-probability
    of the path. Spaces may last 0 frames
    in speech; here they take at least one, as in the corpus."""
    import numpy as np

    score = log_probs[:, ids]  # [T, P]
    t, p = score.shape
    if t < p:
        return None, -99.0
    best, back = np.full(p, -1e30), np.zeros((t, p), bool)
    best[0] = score[0, 0]
    for i in range(1, t):
        moved = np.concatenate([[-1e30], best[:-1]])
        back[i] = moved > best
        best = np.where(back[i], moved, best) + score[i]
    durations, j = np.zeros(p, int), p - 1
    for i in range(t - 1, -1, -1):
        durations[j] += 1
        if back[i, j]:
            j -= 1
    return durations, float(best[-1] / t)
