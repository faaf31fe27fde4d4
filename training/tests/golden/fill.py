"""What the maker of golden files and the tests that read them share: weights and waveforms that need no file."""

import zlib
import torch


def numbers(name, *shape):
    """Evenly spread over -0.5 to 0.5, the same everywhere: a Weyl sequence that begins where `name` says."""
    count = torch.Size(shape).numel()
    n = torch.arange(count, dtype=torch.int64) * 1103515245 + zlib.crc32(name.encode())
    return ((n % 2**31).double() / 2**31 - 0.5).float().view(shape)


@torch.no_grad()
def fill(module, prefix=""):
    """Sets every parameter, and the vectors of spectral norm, by their names; gains lie around 2 so that scores are not
    small."""
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        value = numbers(prefix + name, *tensor.shape)
        if name.endswith("weight_g"):
            tensor.copy_(2 + value)
        elif name.endswith(("weight_v", "weight", "weight_orig", "bias")):
            tensor.copy_(value)
        elif name.endswith("weight_u"):
            tensor.copy_(torch.nn.functional.normalize(value + 0.6, dim=0))
    return module.eval()


def wave(name, *shape):
    """Waveforms [..., S] of about -10 dB: two tones that glide, and noise"""
    t = torch.arange(shape[-1]) / 24000
    tones = torch.sin(6.283 * (150 + 300 * t) * t) + 0.5 * torch.sin(6.283 * (1100 + 900 * t) * t)
    return 0.2 * tones + 0.2 * numbers(name, *shape)


def sample(tensor, most=48):
    """At most that many of its values, spread over it"""
    flat = tensor.detach().float().flatten()
    return flat[:: max(1, -(-len(flat) // most))].clone()


def summary(heard, x, module):
    """Scores and features of (score, features) pairs as samples, and the gradients of a loss that needs all of them:
    of the waveform, and the norm of each parameter's by name."""
    loss = sum(score.square().mean() + sum(f.abs().mean() for f in features) for score, features in heard)
    parameters = dict(sorted(module.named_parameters()))
    gradients = torch.autograd.grad(loss, [x, *parameters.values()], allow_unused=True)
    found = {"shapes": torch.tensor([n for score, fs in heard for f in (score, *fs) for n in f.shape])}
    for n, (score, features) in enumerate(heard):
        found |= {f"score{n}": sample(score)} | {f"feature{n}.{k}": sample(f, 16) for k, f in enumerate(features)}
    norm = lambda g: torch.zeros(()) if g is None else g.norm()
    return found | {"gradient": sample(gradients[0]), "norms": torch.stack([norm(g) for g in gradients[1:]])}


def names(module):
    """One line for each tensor that a checkpoint of it holds: its name and shape"""
    return "\n".join(sorted(f"{k} {list(v.shape)}" for k, v in module.state_dict().items()))
