"""Discriminators of the vocoder and codec papers. Each takes waveforms [B, S] and gives, per sub-discriminator, its
score map and the features of its layers."""

import math
import torch, torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from data.mels import LogMel


def haar(x):
    """[B, C, S] -> [B, 2 C, S / 2]: low and high half band of every channel"""
    x = F.pad(x, (0, x.shape[-1] % 2))
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.cat([even + odd, even - odd], 1) * 0.5**0.5


class PeriodDiscriminator(nn.Module):
    """HiFi-GAN (arXiv:2010.05646): the waveform folded to [S / period, period], strided convolutions along the first
    axis.

    `wavelets`: Fre-GAN's (arXiv:2106.02297) also reads the subbands of three wavelet transforms, each appended along
    time to the layer of its rate.
    """

    def __init__(self, period, channels=(32, 128, 512, 1024, 1024), slope=0.1, wavelets=False):
        super().__init__()
        self.period, self.slope = period, slope
        widths = [1, *channels]
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(i, o, (5, 1), (3 if n < len(channels) - 1 else 1, 1), (2, 0)))
            for n, (i, o) in enumerate(zip(widths, widths[1:]))
        )
        self.post = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))
        levels = range(3) if wavelets else ()
        self.mix = nn.ModuleList(weight_norm(nn.Conv1d(2 ** (n + 1), 1, 1)) for n in levels)
        self.project = nn.ModuleList(weight_norm(nn.Conv2d(1, channels[n], (5, 1), (3, 1), (2, 0))) for n in levels)

    def fold(self, x):
        """[B, 1, S] -> [B, 1, S / period, period]"""
        return F.pad(x, (0, -x.shape[-1] % self.period), "reflect").view(len(x), 1, -1, self.period)

    def forward(self, x):
        bands = x[:, None]
        x, features = self.fold(bands), []
        for n, conv in enumerate(self.convs):
            x = F.leaky_relu(conv(x), self.slope)
            features.append(x)
            if n < len(self.mix):
                bands = haar(bands)
                x = torch.cat([x, self.project[n](self.fold(self.mix[n](bands)))], 2)
        return self.post(x), features


class MultiPeriodDiscriminator(nn.Module):
    """`width`: factor of all channels."""

    def __init__(
        self, periods=(2, 3, 5, 7, 11), channels=(32, 128, 512, 1024, 1024), slope=0.1, wavelets=False, width=1
    ):
        super().__init__()
        channels = [max(1, int(c * width)) for c in channels]
        self.discriminators = nn.ModuleList(PeriodDiscriminator(p, channels, slope, wavelets) for p in periods)

    def forward(self, x):
        return [d(x) for d in self.discriminators]


class ResolutionDiscriminator(nn.Module):
    """UnivNet (arXiv:2106.07889): 2-D convolutions over the magnitude of one STFT, strided along frequency."""

    def __init__(self, n_fft, hop, window, channels=32, slope=0.2):
        super().__init__()
        self.n_fft, self.hop, self.slope = n_fft, hop, slope
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        shapes = [(1, (3, 9), (1, 1)), *[(channels, (3, 9), (1, 2))] * 3, (channels, (3, 3), (1, 1))]
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(i, channels, kernel, stride, (kernel[0] // 2, kernel[1] // 2)))
            for i, kernel, stride in shapes
        )
        self.post = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x):
        pad = (self.n_fft - self.hop) // 2
        x = F.pad(x.float()[:, None], (pad, pad), "reflect")[:, 0]
        s = torch.stft(x, self.n_fft, self.hop, len(self.window), self.window, center=False, return_complex=True)
        x = (s.real.square() + s.imag.square() + 1e-9).sqrt().transpose(1, 2)[:, None]  # [B, 1, T, F]
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), self.slope)
            features.append(x)
        return self.post(x), features


class MultiResolutionDiscriminator(nn.Module):
    def __init__(self, resolutions=((1024, 120, 600), (2048, 240, 1200), (512, 50, 240)), channels=32, slope=0.2):
        super().__init__()
        self.discriminators = nn.ModuleList(ResolutionDiscriminator(*r, channels, slope) for r in resolutions)

    def forward(self, x):
        return [d(x) for d in self.discriminators]


HIFI_GAN_SCALE = (
    (128, 15, 1, 1),
    (128, 41, 2, 4),
    (256, 41, 2, 16),
    (512, 41, 4, 16),
    (1024, 41, 4, 16),
    (1024, 41, 1, 16),
    (1024, 5, 1, 1),
)
FRE_GAN_SCALE = (HIFI_GAN_SCALE[0], (128, 41, 2, 1), *HIFI_GAN_SCALE[2:])


def melgan_scale(width=16, strides=(4, 4, 4, 4)):
    """Layers of MelGAN: strided convolutions in groups of four channels between two plain ones."""
    layers, dim = [(width, 15, 1, 1)], width
    for stride in strides:
        layers.append((min(dim * stride, 1024), 10 * stride + 1, stride, dim // 4 or 1))
        dim = min(dim * stride, 1024)
    return (*layers, (min(2 * dim, 1024), 5, 1, 1))


class ScaleDiscriminator(nn.Module):
    """1-D convolutions over the waveform. `layers`: (channels, kernel, stride, groups) each. MelGAN (arXiv:1910.06711),
    HiFi-GAN.

    `wavelets`: Fre-GAN's also reads the subbands of two wavelet transforms, appended along time to the first two
    layers.
    """

    def __init__(self, layers=HIFI_GAN_SCALE, slope=0.1, norm=weight_norm, wavelets=False):
        super().__init__()
        widths, self.slope = [1, *(c for c, *_ in layers)], slope
        self.convs = nn.ModuleList(
            norm(nn.Conv1d(i, c, k, s, k // 2, groups=g)) for i, (c, k, s, g) in zip(widths, layers)
        )
        self.post = norm(nn.Conv1d(widths[-1], 1, 3, padding=1))
        self.project = (
            nn.ModuleList(norm(nn.Conv1d(2 ** (n + 1), c, k, s, k // 2)) for n, (c, k, s, _) in enumerate(layers[:2]))
            if wavelets
            else ()
        )

    def forward(self, x):
        """[B, 1, S]"""
        bands, features = x, []
        for n, conv in enumerate(self.convs):
            x = F.leaky_relu(conv(x), self.slope)
            features.append(x)
            if n < len(self.project):
                bands = haar(bands)
                x = torch.cat([x, self.project[n](bands)], 2)
        return self.post(x), features


class MultiScaleDiscriminator(nn.Module):
    """The same at S, S / 2 and S / 4, averaged, or with `wavelets` mixed from subbands. HiFi-GAN's first has spectral
    norm. `width`: factor of all channels."""

    def __init__(
        self, layers=HIFI_GAN_SCALE, scales=3, slope=0.1, spectral_first=True, padding=2, wavelets=False, width=1
    ):
        super().__init__()
        layers = [(max(16, int(c * width)), k, s, g) for c, k, s, g in layers] if width != 1 else layers
        norms = [spectral_norm if spectral_first and n == 0 else weight_norm for n in range(scales)]
        self.discriminators = nn.ModuleList(ScaleDiscriminator(layers, slope, norm, wavelets) for norm in norms)
        self.mix = nn.ModuleList(weight_norm(nn.Conv1d(2**n, 1, 1)) for n in range(1, scales)) if wavelets else ()
        self.padding = padding

    def forward(self, x):
        x = bands = x[:, None]
        heard = []
        for n, d in enumerate(self.discriminators):
            if n and self.mix:
                bands = haar(bands)
                x = self.mix[n - 1](bands)
            elif n:
                x = F.avg_pool1d(x, 4, 2, self.padding, count_include_pad=self.padding == 2)
            heard.append(d(x))
        return heard


class WaveNetDiscriminator(nn.Module):
    """Parallel WaveGAN (arXiv:1910.11480): dilated convolutions at the rate of the waveform, dilation 1, 1, 2, 3 …"""

    def __init__(self, layers=10, channels=64, kernel=3, slope=0.2):
        super().__init__()
        dilations, self.slope = [1, *range(1, layers - 1)], slope
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv1d(channels if n else 1, channels, kernel, padding=d * (kernel // 2), dilation=d))
            for n, d in enumerate(dilations)
        )
        self.post = weight_norm(nn.Conv1d(channels, 1, kernel, padding=kernel // 2))

    def forward(self, x):
        x, features = x[:, None], []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), self.slope)
            features.append(x)
        return [(self.post(x), features)]


def complex_stft(x, n_fft, hop, window, center=False):
    """[B, S] -> real and imaginary part [B, 2, T, F]"""
    s = torch.stft(x.float(), n_fft, hop, n_fft, window, center=center, normalized=True, return_complex=True)
    return (
        torch.view_as_real(s).permute(0, 3, 2, 1).contiguous()
    )  # gradients of convolutions over the permuted view corrupt the heap in torch 2.15


class ComplexDiscriminator(nn.Module):
    """EnCodec (arXiv:2210.13438): 2-D convolutions over the complex STFT, dilated along time and strided along
    frequency."""

    def __init__(self, n_fft, channels=32, slope=0.2):
        super().__init__()
        self.n_fft, self.slope = n_fft, slope
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        convs = [
            nn.Conv2d(2, channels, (3, 9), padding=(1, 4)),
            *[nn.Conv2d(channels, channels, (3, 9), (1, 2), (d, 4), (d, 1)) for d in (1, 2, 4)],
            nn.Conv2d(channels, channels, 3, padding=1),
        ]
        self.convs = nn.ModuleList(weight_norm(c) for c in convs)
        self.post = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x):
        x, features = complex_stft(x, self.n_fft, self.n_fft // 4, self.window), []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), self.slope)
            features.append(x)
        return self.post(x), features


class MultiScaleStftDiscriminator(nn.Module):
    def __init__(self, sizes=(2048, 1024, 512, 256, 128), channels=32):
        super().__init__()
        self.discriminators = nn.ModuleList(ComplexDiscriminator(n, channels) for n in sizes)

    def forward(self, x):
        return [d(x) for d in self.discriminators]


class ResidualStftDiscriminator(nn.Module):
    """SoundStream (arXiv:2107.03312): residual units over the complex STFT (1024, hop 256), strided by 2 along
    frequency and in every other unit along time."""

    def __init__(self, channels=32, n_fft=1024, hop=256):
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        widths = [channels * m for m in (1, 2, 4, 4, 8, 8, 16)]
        self.first = weight_norm(nn.Conv2d(2, channels, 7, padding=3))
        strides = [(1 + n % 2, 2) for n in range(6)]
        self.plain = nn.ModuleList(weight_norm(nn.Conv2d(i, i, 3, padding=1)) for i in widths[:-1])
        self.strided = nn.ModuleList(
            weight_norm(nn.Conv2d(i, o, (s[0] + 2, s[1] + 2), s, 1)) for i, o, s in zip(widths, widths[1:], strides)
        )
        self.shortcut = nn.ModuleList(
            weight_norm(nn.Conv2d(i, o, 1, s)) for i, o, s in zip(widths, widths[1:], strides)
        )
        self.post = weight_norm(nn.Conv2d(widths[-1], 1, (1, n_fft // 2**7)))

    def forward(self, x):
        x = self.first(
            complex_stft(x, self.n_fft, self.hop, self.window, center=True)[..., :-1]
        )  # without the highest bin: a power of two
        features = [x]
        for plain, strided, shortcut in zip(self.plain, self.strided, self.shortcut):
            y = strided(F.elu(plain(F.elu(x))))
            x = y + shortcut(x)[..., : y.shape[2], : y.shape[3]]
            features.append(x)
        return [(self.post(F.elu(x)), features)]


class BandDiscriminator(nn.Module):
    """DAC (arXiv:2306.06546) and Vocos' repository: a stack of convolutions for each of five bands of the
    complex STFT."""

    def __init__(self, n_fft, channels=32, edges=(0, 0.1, 0.25, 0.5, 0.75, 1), slope=0.1):
        super().__init__()
        self.n_fft, self.slope = n_fft, slope
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        bins = [int(e * (n_fft // 2 + 1)) for e in edges]
        self.bands = list(zip(bins, bins[1:]))
        shapes = [(2, (3, 9), (1, 1)), *[(channels, (3, 9), (1, 2))] * 3, (channels, (3, 3), (1, 1))]
        stack = lambda: nn.ModuleList(
            weight_norm(nn.Conv2d(i, channels, k, s, (k[0] // 2, k[1] // 2))) for i, k, s in shapes
        )
        self.stacks = nn.ModuleList(stack() for _ in self.bands)
        self.post = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x):
        x = x - x.mean(-1, keepdim=True)
        x = 0.8 * x / (x.abs().amax(-1, keepdim=True) + 1e-9)
        spectrum, features, ends = complex_stft(x, self.n_fft, self.n_fft // 4, self.window, center=True), [], []
        for (low, high), stack in zip(self.bands, self.stacks):
            y = spectrum[..., low:high]
            for n, conv in enumerate(stack):
                y = F.leaky_relu(conv(y), self.slope)
                if n:
                    features.append(y)
            ends.append(y)
        return self.post(torch.cat(ends, -1)), features


class MultiBandDiscriminator(nn.Module):
    def __init__(self, sizes=(2048, 1024, 512), channels=32):
        super().__init__()
        self.discriminators = nn.ModuleList(BandDiscriminator(n, channels) for n in sizes)

    def forward(self, x):
        return [d(x) for d in self.discriminators]


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
        s = complex_stft(x, self.n_fft, self.n_fft // 4, self.window, center=True)[..., :-1]  # [B, 2, T, F]
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


class ConstantQ(nn.Module):
    """Constant-Q transform, as nnAudio's CQT2010v2: the kernels of the highest octave alone, for each lower one on half
    the rate of the one above it.

    [B, S] -> real and imaginary part [B, 2, S / hop + 1, octaves * bins], low to high from `lowest` Hz.
    """

    def __init__(self, rate, hop, octaves, bins, lowest=32.7032):
        super().__init__()
        self.hop, self.octaves = hop, octaves
        q, top = 1 / (2 ** (1 / bins) - 1), lowest * 2 ** (octaves - 1)
        frequencies = top * 2 ** (torch.arange(bins, dtype=torch.float64) / bins)
        if frequencies[-1] >= rate / 2:
            raise ValueError(
                f"{octaves} octaves from {lowest} Hz reach {frequencies[-1]:.0f} Hz, more than half of {rate} Hz"
            )
        lengths = torch.ceil(q * rate / frequencies)
        t = torch.arange(-(int(lengths[0]) // 2) - 1, int(lengths[0]) // 2 + 2, dtype=torch.float64)
        window = torch.where(
            t.abs() <= lengths[:, None] / 2,
            0.5 + 0.5 * torch.cos(2 * math.pi * t / lengths[:, None]),
            torch.zeros(()).double(),
        )
        window = window / window.sum(1, keepdim=True)
        angle = 2 * math.pi * t * frequencies[:, None] / rate
        self.register_buffer(
            "kernels", torch.cat([window * angle.cos(), -window * angle.sin()]).float()[:, None], persistent=False
        )
        self.register_buffer(
            "scale",
            (q * rate / (lowest * 2 ** (torch.arange(octaves * bins, dtype=torch.float64) / bins)))
            .ceil()
            .sqrt()
            .float(),
            persistent=False,
        )
        n = torch.arange(-64, 65, dtype=torch.float64)
        half = torch.sinc(n / 2) / 2 * torch.kaiser_window(129, periodic=False, beta=8.0, dtype=torch.float64)
        self.register_buffer("low_pass", (half / half.sum()).float()[None, None], persistent=False)

    def forward(self, x):
        frames, octaves = x.shape[-1] // self.hop + 1, []
        x = F.pad(x.float()[:, None], (0, self.hop))
        for n in range(self.octaves):
            y = F.conv1d(x, self.kernels, stride=max(1, self.hop >> n), padding=self.kernels.shape[-1] // 2)
            octaves.insert(0, y[..., :frames].unflatten(1, (2, -1)))
            x = F.conv1d(x, self.low_pass, stride=2, padding=64)
        return torch.cat(octaves, 2).transpose(2, 3) * self.scale


class SubBandDiscriminator(nn.Module):
    """Multi-scale sub-band CQT discriminator (arXiv:2311.14957), as BigVGAN v2's: a convolution of its own for each
    octave, then 2-D convolutions over all of them, at twice the rate."""

    def __init__(self, rate, hop, octaves, bins, channels=128, dilations=(1, 2, 4), slope=0.1):
        super().__init__()
        self.cqt, self.bins, self.slope = ConstantQ(2 * rate, hop, octaves, bins), bins, slope
        self.octaves = nn.ModuleList(nn.Conv2d(2, 2, (3, 9), padding=(1, 4)) for _ in range(octaves))
        strided = [weight_norm(nn.Conv2d(channels, channels, (3, 9), (1, 2), (d, 4), (d, 1))) for d in dilations]
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(2, channels, (3, 9), padding=(1, 4)),
                *strided,
                weight_norm(nn.Conv2d(channels, channels, 3, padding=1)),
            ]
        )
        self.post = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x):
        size = x.shape[-1]
        x = 2 * torch.fft.irfft(F.pad(torch.fft.rfft(x.float()), (0, size - size // 2)), 2 * size)  # twice the rate
        bands, features = self.cqt(x).split(self.bins, -1), []
        x = torch.cat([conv(band) for conv, band in zip(self.octaves, bands)], -1)
        for conv in self.convs:
            x = F.leaky_relu(conv(x), self.slope)
            features.append(x)
        return self.post(x), features


class MultiScaleSubBandDiscriminator(nn.Module):
    def __init__(self, rate, hops=(512, 256, 256), octaves=(9, 9, 9), bins=(24, 36, 48), channels=128):
        super().__init__()
        self.discriminators = nn.ModuleList(
            SubBandDiscriminator(rate, *scale, channels) for scale in zip(hops, octaves, bins)
        )

    def forward(self, x):
        return [d(x) for d in self.discriminators]
