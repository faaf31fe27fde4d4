"""The PyTorch side of lm.ts: VALL-E X's AR step with key-value cache and NAR stage, as Plachtaa/VALL-E-X@3faaf8c computes them, on the same weights.

python vall_e.py CHECKPOINT.safetensors HEADS THREADS, then one command a line: "ar CACHED STEPS" or "nar TEXT FRAMES STAGES"; answers milliseconds of processor time a step or stage.
"""
import math
import sys
import time

import torch
import torch.nn.functional as F
from safetensors import safe_open


class Weights(dict):
    """Tensors read when first used."""

    def __missing__(self, name):
        self[name] = file.get_tensor(name)
        return self[name]


file = safe_open(sys.argv[1], "pt")
names = set(file.keys())
weights = Weights()
heads, threads = int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.set_grad_enabled(False)
dim = weights["ar_predict_layer.weight"].shape[1]
layers = sum(name.startswith("ar_decoder") and name.endswith("in_proj_bias") for name in names)


def linear(x, name, weight=".weight", bias=".bias"):
    return F.linear(x, weights[name + weight], weights[name + bias] if name + bias in names else None)


def norm(x, name, stage):
    if stage is None:
        return F.layer_norm(x, (dim,), weights[f"{name}.weight"], weights[f"{name}.bias"])
    scale, shift = linear(stage, f"{name}.project_layer").split(dim, -1)
    return scale * F.layer_norm(x, (dim,), weights[f"{name}.norm.weight"], weights[f"{name}.norm.bias"]) + shift


def split(x):
    return x.view(1, -1, heads, dim // heads).transpose(1, 2)


def transformer(x, part, stage=None, cache=None):
    for i in range(layers):
        name = f"{part}_decoder.layers.{i}"
        q, k, v = linear(norm(x, f"{name}.norm1", stage), f"{name}.self_attn", ".in_proj_weight", ".in_proj_bias").split(dim, -1)
        q, k, v = split(q), split(k), split(v)
        if cache is not None:
            k, v = (torch.cat([old, new], 2) for old, new in zip(cache[i], (k, v)))
            cache[i] = (k, v)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(1, -1, dim)
        x = x + linear(y, f"{name}.self_attn.out_proj")
        x = x + linear(F.relu(linear(norm(x, f"{name}.norm2", stage), f"{name}.linear1")), f"{name}.linear2")
    return norm(x, f"{part}_decoder.norm", stage)


def positions(start, count):
    angles = torch.arange(start, start + count)[:, None] * torch.exp(torch.arange(0, dim, 2) * (-math.log(10000) / dim))
    return torch.stack([angles.sin(), angles.cos()], 2).view(1, count, dim)


def ar(cached, steps):
    cache = [tuple(torch.randn(2, 1, heads, cached, dim // heads).unbind(0)) for _ in range(layers)]
    code = torch.tensor([[5]])
    times = []
    for step in range(steps + 1):
        began = time.process_time()
        x = F.embedding(code, weights["ar_audio_embedding.word_embeddings.weight"])
        x = x + weights["ar_audio_position.alpha"] * positions(cached + step, 1)
        logits = linear(transformer(x, "ar", cache=cache)[:, -1], "ar_predict_layer")
        code = torch.multinomial(F.softmax(logits, -1), 1).clamp(max=1023)
        times.append(time.process_time() - began)
    return times[1:]


def nar(text, frames, stages):
    x = torch.randn(1, text, dim)
    y = torch.randn(1, frames, dim)
    times = []
    for stage in range(stages + 1):
        began = time.process_time()
        embedding = weights[f"nar_stage_embeddings.{stage % 7}.word_embeddings.weight"]
        out = transformer(torch.cat([x, y + positions(0, frames)], 1), "nar", embedding)
        F.linear(out[:, text:], weights[f"nar_predict_layers.{stage % 7}.weight"]).argmax(-1)
        times.append(time.process_time() - began)
    return times[1:]


print("ready", flush=True)
for line in sys.stdin:
    kind, *numbers = line.split()
    print(" ".join(f"{1000 * t:.2f}" for t in {"ar": ar, "nar": nar}[kind](*map(int, numbers))), flush=True)
