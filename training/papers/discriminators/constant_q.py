"""BigVGAN v2's discriminator: sub-bands of a constant-Q transform, with the published phases and filters."""

import math
import torch, torch.nn.functional as F
from scipy import signal
from torch import nn
from papers.vocoders.layers import normed


def low_pass(center, transition=0.03, size=256):
    """FIR [1, 1, size] that passes up to `center` of the Nyquist frequency"""
    edges = [0.0, center / (1 + transition), center * (1 + transition), 1.0]
    return torch.from_numpy(signal.firwin2(size, edges, [1.0, 1.0, 0.0, 0.0])).float()[None, None]


def decimated(x, kernel, factor):
    return F.conv1d(x, kernel, stride=factor, padding=(kernel.shape[-1] - 1) // 2)


class Doubled(nn.Module):
    """[B, S] -> [B, 2 S] at twice the rate: a sinc over six zero crossings under a Hann window, as torchaudio's
    default."""

    def __init__(self, crossings=6, rolloff=0.99):
        super().__init__()
        self.width = math.ceil(crossings / rolloff)
        offset = torch.arange(-self.width, self.width + 1, dtype=torch.float64)
        t = (offset - torch.tensor([[0.0], [0.5]], dtype=torch.float64)) * rolloff
        t = t.clamp(-crossings, crossings)
        window = torch.cos(t * math.pi / crossings / 2) ** 2
        self.register_buffer("kernel", (torch.sinc(t) * window * rolloff).float()[:, None], persistent=False)

    def forward(self, x):
        y = F.conv1d(F.pad(x[:, None], (self.width, self.width + 1)), self.kernel)
        return y.transpose(1, 2).flatten(1)[:, : 2 * x.shape[-1]]


class ConstantQ(nn.Module):
    """Constant-Q transform, as nnAudio's CQT2010v2: the kernels of the highest octave alone, for each lower one on half
    the rate of the one above it. Where the highest octave is far below the Nyquist frequency, the rate is lowered
    first.

    [B, S] -> real and imaginary part [B, 2, S / hop + 1, octaves * bins], low to high from `lowest` Hz.
    """

    def __init__(self, rate, hop, octaves, bins, lowest=32.70):
        super().__init__()
        q, first = 1 / (2 ** (1 / bins) - 1), lowest * 2 ** (octaves - 1)
        last = first * 2 ** ((bins - 1) / bins)
        if last > rate / 2:
            raise ValueError(f"{octaves} octaves from {lowest} Hz reach {last:.0f} Hz, more than half of {rate} Hz")
        possible = math.ceil(math.log2(0.85 * (rate // 2) / (last * (1 + 0.75 / q)))) - 2
        self.early = 2 ** max(0, min(possible, math.ceil(math.log2(hop)) - octaves + 1))
        rate, self.hop, self.octaves = rate / self.early, hop // self.early, octaves
        if self.early > 1:
            self.register_buffer("first_low_pass", low_pass(1 / self.early), persistent=False)
        self.register_buffer("low_pass", low_pass(0.5, 0.001), persistent=False)
        frequencies = lowest * 2 ** (torch.arange(octaves * bins, dtype=torch.float64) / bins)
        lengths = torch.ceil(q * rate / frequencies)
        self.register_buffer("scale", self.early * lengths.sqrt().float(), persistent=False)
        kernels = self.kernels(rate, first * 2 ** (torch.arange(bins, dtype=torch.float64) / bins), q)
        self.register_buffer("real", kernels.real.float()[:, None].contiguous(), persistent=False)
        self.register_buffer("imaginary", kernels.imag.float()[:, None].contiguous(), persistent=False)

    @staticmethod
    def kernels(rate, frequencies, q):
        """-> complex [bins, size]: Hann windows around the middle, each of sum 1; phase 0 lies at floor(-length / 2)"""
        lengths = [int(n) for n in torch.ceil(q * rate / frequencies)]
        size = 2 ** math.ceil(math.log2(max(lengths)))
        kernels = torch.zeros(len(lengths), size, dtype=torch.complex128)
        for n, (length, frequency) in enumerate(zip(lengths, frequencies.tolist())):
            start = math.ceil(size / 2 - length / 2) - length % 2
            t = torch.arange(length, dtype=torch.float64) + (-length) // 2
            window = torch.hann_window(length, dtype=torch.float64)
            kernels[n, start : start + length] = torch.polar(window / window.sum(), 2 * math.pi * frequency / rate * t)
        return kernels

    def octave(self, x, hop):
        """[B, 1, S] -> [B, 2, bins, T]"""
        pad = self.real.shape[-1] // 2
        return torch.stack([F.conv1d(x, k, stride=hop, padding=pad) for k in (self.real, -self.imaginary)], 1)

    def forward(self, x):
        x = x.float()[:, None]
        if self.early > 1:
            x = decimated(x, self.first_low_pass, self.early)
        octaves = []
        for n in range(self.octaves):
            octaves.insert(0, self.octave(x, max(1, self.hop >> n)))
            x = decimated(x, self.low_pass, 2)
        frames = min(octave.shape[-1] for octave in octaves)
        return torch.cat([octave[..., :frames] for octave in octaves], 2).transpose(2, 3) * self.scale


class SubBandDiscriminator(nn.Module):
    """Multi-scale sub-band CQT discriminator (arXiv:2311.14957), as BigVGAN v2's: a convolution of its own for each
    octave, then 2-D convolutions over all of them, at twice the rate. The score map is not among the features."""

    def __init__(self, rate, hop, octaves, bins, channels=128, dilations=(1, 2, 4), level=False):
        super().__init__()
        self.resample, self.cqt_transform, self.bins = Doubled(), ConstantQ(2 * rate, hop, octaves, bins), bins
        self.level = level
        self.conv_pres = nn.ModuleList(nn.Conv2d(2, 2, (3, 9), padding=(1, 4)) for _ in range(octaves))
        strided = [normed(nn.Conv2d(channels, channels, (3, 9), (1, 2), (d, 4), (d, 1))) for d in dilations]
        last = normed(nn.Conv2d(channels, channels, 3, padding=1))
        self.convs = nn.ModuleList([nn.Conv2d(2, channels, (3, 9), padding=(1, 4)), *strided, last])
        self.conv_post = normed(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x):
        if self.level:
            x = x - x.mean(-1, keepdim=True)
            x = 0.8 * x / (x.abs().amax(-1, keepdim=True) + 1e-9)
        bands, features = self.cqt_transform(self.resample(x.float())).split(self.bins, -1), []
        x = torch.cat([conv(band.contiguous()) for conv, band in zip(self.conv_pres, bands)], -1)
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
            features.append(x)
        return self.conv_post(x), features


class MultiScaleSubBandDiscriminator(nn.Module):
    """`level`: of each waveform, offset removed and peak set to 0.8 first (`cqtd_normalize_volume`)."""

    def __init__(self, rate, hops=(512, 256, 256), octaves=(9, 9, 9), bins=(24, 36, 48), channels=128, **options):
        super().__init__()
        scales = zip(hops, octaves, bins)
        self.discriminators = nn.ModuleList(SubBandDiscriminator(rate, *scale, channels, **options) for scale in scales)

    def forward(self, x):
        return [d(x) for d in self.discriminators]
