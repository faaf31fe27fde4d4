"""Discriminators of our own, for two processor cores: patches of an STFT or a log-mel instead of single bins."""

import torch, torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from data.mels import LogMel
from .spectral import complex_stft


class PatchDiscriminator(nn.Module):
    """2-D convolutions over patches, so that no layer has few channels and many positions: what a processor is slow at,
    and most of what the papers' discriminators cost there."""

    def __init__(self, patch, widths, kernel, strides, slope=0.1):
        super().__init__()
        self.patch, self.slope = patch, slope
        shapes = zip([patch, *widths], widths, strides)
        padding = tuple(k // 2 for k in kernel)
        self.convs = nn.ModuleList(weight_norm(nn.Conv2d(i, o, kernel, s, padding)) for i, o, s in shapes)
        self.post = weight_norm(nn.Conv2d(widths[-1], 1, (3, kernel[1]), padding=(1, padding[1])))

    def forward(self, x):
        x, features = self.patches(x).contiguous(memory_format=torch.channels_last), []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), self.slope)
            features.append(x)
        return self.post(x), features


class PatchStftDiscriminator(PatchDiscriminator):
    """Over the complex STFT at a hop of a quarter window, as EnCodec's, its magnitudes to the power of 0.3; a patch is
    8 neighbouring bins of a frame, real and imaginary."""

    def __init__(self, n_fft):
        super().__init__(16, (64, 64, 64, 64), (3, 3), ((1, 1), (1, 2), (1, 2), (1, 1)))
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def patches(self, x):
        s = complex_stft(x, self.n_fft, self.n_fft // 4, self.window, center=True)[..., :-1] / self.n_fft**0.5
        s = s * (s.square().sum(1, keepdim=True) + 1e-5) ** -0.35
        return s.unflatten(-1, (-1, 8)).permute(0, 1, 4, 2, 3).flatten(1, 2)


class PatchMelDiscriminator(PatchDiscriminator):
    """Over the log-mel, what a decoder blurs first; a patch is 4 neighbouring bands of a frame."""

    def __init__(self, rate, n_fft, n_mels):
        super().__init__(4, (128, 128, 128, 128), (3, 3), ((1, 1), (1, 1), (2, 2), (1, 1)))
        self.mel = LogMel(rate, n_fft, n_fft // 4, n_mels, epsilon=1e-9, center=True)

    def patches(self, x):
        return (self.mel(x) + 5).unflatten(1, (-1, self.patch)).permute(0, 2, 3, 1) / 3  # [B, 4, T, M / 4]


class MultiPatchDiscriminator(nn.Module):
    """Three resolutions and a log-mel; `chosen`: the numbers of those that are asked."""

    def __init__(self, rate, sizes=(256, 512, 1024), n_fft=1200, n_mels=80):
        super().__init__()
        self.discriminators = nn.ModuleList(
            [*map(PatchStftDiscriminator, sizes), PatchMelDiscriminator(rate, n_fft, n_mels)]
        )

    def forward(self, x, chosen):
        return [self.discriminators[n](x) for n in chosen]
