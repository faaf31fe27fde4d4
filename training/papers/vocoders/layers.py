"""Layers of the published vocoders. Weight norm is of the old kind, because the published checkpoints spell it
`weight_g`, `weight_v`."""

import math, warnings
import torch
from torch import nn


def normed(layer, norm=nn.utils.weight_norm):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return norm(layer)


def spectral_normed(layer):
    return normed(layer, nn.utils.spectral_norm)


def conv(n_in, n_out, kernel, dilation=1, **options):
    """Conv1d under weight norm that keeps the length."""
    return normed(
        nn.Conv1d(n_in, n_out, kernel, dilation=dilation, **{"padding": dilation * (kernel - 1) // 2, **options})
    )


def upsampling(n_in, n_out, kernel, stride):
    """ConvTranspose1d under weight norm: T -> T * stride where kernel - stride is even."""
    return normed(nn.ConvTranspose1d(n_in, n_out, kernel, stride, (kernel - stride) // 2))


def doubled_upsampling(n_in, n_out, stride):
    """The same with kernel 2 * stride, for odd strides too (MelGAN, UnivNet)."""
    return normed(nn.ConvTranspose1d(n_in, n_out, 2 * stride, stride, stride // 2 + stride % 2, stride % 2))


def kaiser_sinc(kernel=12, ratio=2):
    """Low-pass filter [1, 1, kernel] of BigVGAN's anti-aliasing: cutoff 0.5 / ratio, transition 0.6 / ratio."""
    attenuation = 2.285 * (kernel // 2 - 1) * math.pi * 4 * (0.6 / ratio) + 7.95
    beta = (
        0.1102 * (attenuation - 8.7)
        if attenuation > 50
        else 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    )
    time = torch.arange(-(kernel // 2), kernel // 2) + 0.5
    h = torch.kaiser_window(kernel, periodic=False, beta=beta) * torch.sinc(time / ratio) / ratio
    return (h / h.sum()).view(1, 1, kernel)
