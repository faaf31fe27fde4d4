"""Spectral and adversarial losses of the vocoder papers, one function each."""

import math
import torch, torch.nn.functional as F
from data.mels import LogMel

_front_ends = {}


def mel_magnitude(x, rate, n_fft, n_mels):
    """[B, S] -> linear mel [B, n_mels, T] at hop n_fft / 4"""
    key = (rate, n_fft, n_mels, x.device)
    if key not in _front_ends:
        _front_ends[key] = LogMel(rate, n_fft, n_fft // 4, n_mels, epsilon=1e-9, center=True).to(x.device)
    return _front_ends[key].energies(x)


def multi_scale_mel(x, y, rate, scales=((2048, 128), (1024, 80), (512, 48), (256, 24))):
    """Sum over scales of L1 between ln-mels of x and y [B, S]."""
    loss = 0.0
    for n_fft, n_mels in scales:
        a, b = (mel_magnitude(v, rate, n_fft, n_mels).clamp(min=1e-5).log() for v in (x, y))
        loss = loss + F.l1_loss(a, b)
    return loss


def fine_mel(x, y, rate):
    """BigVGAN v2's and DAC's multi-scale mel: windows from 32 to 2048, 5 to 320 bands, log10."""
    return multi_scale_mel(x, y, rate, [(32 << n, 5 << n) for n in range(7)]) / math.log(10)


def balanced_mel(x, y, rate, exponents=range(6, 12)):
    """EnCodec's: mean over scales of the L1 of mels plus the L2 of their logarithms. At most 64 bands, and no more than
    a small window can tell apart."""
    loss = 0.0
    for n in exponents:
        a, b = (mel_magnitude(v, rate, 1 << n, min(64, (1 << n) // 8)) for v in (x, y))
        loss = loss + F.l1_loss(a, b) + F.mse_loss(a.clamp(min=1e-5).log(), b.clamp(min=1e-5).log())
    return loss / len(exponents)


def spectral_convergence(x, y, resolutions=((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))):
    """Parallel WaveGAN's multi-resolution STFT loss: mean over (n_fft, hop, window) of spectral convergence plus the L1
    of log-magnitudes."""
    loss = 0.0
    for n_fft, hop, size in resolutions:
        window = torch.hann_window(size, device=x.device)
        a, b = (
            torch.view_as_real(torch.stft(v, n_fft, hop, size, window, return_complex=True))
            .square()
            .sum(-1)
            .clamp(min=1e-7)
            .sqrt()
            for v in (x, y)
        )
        loss = loss + torch.linalg.norm(b - a) / torch.linalg.norm(b) + F.l1_loss(a.log(), b.log())
    return loss / len(resolutions)


def lsgan_discriminator(real, fake):
    """Mean over sub-discriminators; real, fake: lists of (score map, features)."""
    return sum((1 - r.float()).square().mean() + f.float().square().mean() for (r, _), (f, _) in zip(real, fake)) / len(
        real
    )


def lsgan_generator(fake):
    return sum((1 - f.float()).square().mean() for f, _ in fake) / len(fake)


def hinge_discriminator(real, fake):
    """Mean over sub-discriminators of hinge losses; real, fake: lists of (score map, features)."""
    return sum(F.relu(1 - r.float()).mean() + F.relu(1 + f.float()).mean() for (r, _), (f, _) in zip(real, fake)) / len(
        real
    )


def hinge_generator(fake):
    return sum(F.relu(1 - f.float()).mean() for f, _ in fake) / len(fake)


def feature_matching(real, fake, relative=True):
    """Mean over sub-discriminators and layers of the L1 between features; `relative`: each over the mean size of the
    real one's (EnCodec)."""
    each = []
    for (_, a), (_, b) in zip(real, fake):
        for x, y in zip(a, b):
            x = x.detach().float()
            each.append(F.l1_loss(y.float(), x) / (x.abs().mean().clamp(min=1e-3) if relative else 1))
    return sum(each) / len(each)
