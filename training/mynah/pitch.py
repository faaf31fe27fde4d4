"""Fundamental frequency by YIN (de Cheveigné and Kawahara 2002): what the codec's pitch head learns from."""

import torch, torch.nn.functional as F

LOWEST, HIGHEST, WINDOW, TYPICAL = 55.0, 550.0, 512, 80  # Hz, Hz, samples at half the rate, a lag in the middle


def yin(x, rate, hop, threshold=0.15, certain=0.25):
    """[B, S] -> fundamental frequency in Hz [B, S / hop] at the centres of an iSTFT's frames with "same" padding, 0
    where it is not certain (voiceless, creaky, two voices)"""
    x, rate, hop = F.avg_pool1d(x[:, None], 2)[:, 0], rate / 2, hop // 2
    longest, shortest = int(rate / LOWEST) + 2, int(rate / HIGHEST)
    size, before = WINDOW + longest, (WINDOW + TYPICAL - hop) // 2
    x = F.pad(x, (before, size - hop - before)).unfold(-1, size, hop)  # [B, T, size]
    n = 1 << (size - 1).bit_length()
    cross = torch.fft.irfft(torch.fft.rfft(x, n) * torch.fft.rfft(x[..., :WINDOW], n).conj(), n)[..., : longest + 1]
    power = F.pad(x.square().cumsum(-1), (1, 0))
    power = power[..., WINDOW : WINDOW + longest + 1] - power[..., : longest + 1]
    difference = (power[..., :1] + power - 2 * cross).clamp(min=0)
    mean = difference[..., 1:].cumsum(-1) / torch.arange(1, longest + 1, device=x.device)
    d = F.pad(difference[..., 1:] / mean.clamp(min=1e-9), (1, 0), value=1.0)  # [B, T, lags]
    a, b, c = d[..., shortest - 1 : -2], d[..., shortest:-1], d[..., shortest + 1 :]
    dip = (b <= a) & (b < c)
    good = dip & (b < threshold)
    best = torch.where(good.any(-1), good.float().argmax(-1), torch.where(dip, b, torch.full_like(b, 9.0)).argmin(-1))[
        ..., None
    ]
    a, b, c = (v.gather(-1, best)[..., 0] for v in (a, b, c))
    offset = (0.5 * (a - c) / (a - 2 * b + c).clamp(min=1e-9)).clamp(-0.5, 0.5)
    f0 = rate / (best[..., 0] + shortest + offset)
    return torch.where((b < certain) & (power[..., 0] > WINDOW * 1e-6), f0, torch.zeros_like(f0))
