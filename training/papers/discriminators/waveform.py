"""Discriminators of the waveform itself: folded by a period, or at several rates."""

import torch, torch.nn.functional as F
from torch import nn
from papers.vocoders.layers import normed, spectral_normed


def haar(x):
    """[B, C, S] -> [B, 2 C, S / 2]: of every channel its low, then its high half band"""
    x = x[..., : x.shape[-1] // 2 * 2]
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack([even + odd, even - odd], 2).flatten(1, 2) * 0.5**0.5


class PeriodDiscriminator(nn.Module):
    """HiFi-GAN (arXiv:2010.05646): the waveform folded to [S / period, period], strided convolutions along the first
    axis.

    `wavelets`: Fre-GAN's (arXiv:2106.02297) also reads the subbands of three wavelet transforms, each appended along
    time
    to the layer of its rate, as the public reimplementation does. `from_layer`: Vocos matches no features of the first.
    `conditions`: Vocos for EnCodec tells the discriminator the number of the bandwidth, as a projection of the last
    layer.
    """

    def __init__(
        self,
        period,
        channels=(32, 128, 512, 1024, 1024),
        slope=0.1,
        wavelets=False,
        kernel=5,
        stride=3,
        from_layer=0,
        conditions=None,
    ):
        super().__init__()
        self.period, self.slope, self.wavelets, self.from_layer = period, slope, 3 if wavelets else 0, from_layer
        widths, last = [1, *channels], len(channels) - 1
        folded = lambda i, o, s: normed(nn.Conv2d(i, o, (kernel, 1), (s, 1), (kernel // 2, 0)))
        self.convs = nn.ModuleList(
            folded(i, o, stride if n < last else 1) for n, (i, o) in enumerate(zip(widths, widths[1:]))
        )
        self.conv_post = normed(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))
        for n in range(self.wavelets):
            setattr(self, f"dwt_conv{n + 1}", normed(nn.Conv1d(2 ** (n + 1), 1, 1)))
            setattr(self, f"dwt_proj{n + 1}", folded(1, channels[n], stride))
        if conditions:
            self.emb = nn.Embedding(conditions, channels[-1])
            nn.init.zeros_(self.emb.weight)

    def fold(self, x):
        """[B, 1, S] -> [B, 1, S / period, period]"""
        return F.pad(x, (0, -x.shape[-1] % self.period), "reflect").view(len(x), 1, -1, self.period)

    def forward(self, x, condition=None):
        """[B, 1, S], condition [1]"""
        bands, x, features = x, self.fold(x), []
        for n, conv in enumerate(self.convs):
            x = F.leaky_relu(conv(x), self.slope)
            if n >= self.from_layer:
                features.append(x)
            if n < self.wavelets:
                bands = haar(bands)
                mixed = self.fold(getattr(self, f"dwt_conv{n + 1}")(bands))
                x = torch.cat([x, getattr(self, f"dwt_proj{n + 1}")(mixed)], 2)
        score = self.conv_post(x)
        if condition is not None:
            score = score + (self.emb(condition).view(1, -1, 1, 1) * x).sum(1, keepdim=True)
        return score.flatten(1), [*features, score]


class MultiPeriodDiscriminator(nn.Module):
    """`width`: factor of all channels."""

    def __init__(self, periods=(2, 3, 5, 7, 11), channels=(32, 128, 512, 1024, 1024), width=1, **options):
        super().__init__()
        channels = [max(1, int(c * width)) for c in channels]
        self.discriminators = nn.ModuleList(PeriodDiscriminator(p, channels, **options) for p in periods)

    def forward(self, x, condition=None):
        return [d(x[:, None], condition) for d in self.discriminators]


HIFI_GAN_SCALE = (  # channels, kernel, stride, groups
    (128, 15, 1, 1),
    (128, 41, 2, 4),
    (256, 41, 2, 16),
    (512, 41, 4, 16),
    (1024, 41, 4, 16),
    (1024, 41, 1, 16),
    (1024, 5, 1, 1),
)


class ScaleDiscriminator(nn.Module):
    """1-D convolutions over the waveform, of HiFi-GAN. `layers`: (channels, kernel, stride, groups) each.

    `wavelets`: Fre-GAN's also reads the subbands of two wavelet transforms, appended along time to the first two
    layers.
    """

    def __init__(self, layers=HIFI_GAN_SCALE, slope=0.1, norm=normed, wavelets=False):
        super().__init__()
        widths, self.slope, self.wavelets = [1, *(c for c, *_ in layers)], slope, 2 if wavelets else 0
        self.convs = nn.ModuleList(
            norm(nn.Conv1d(i, c, k, s, k // 2, groups=g)) for i, (c, k, s, g) in zip(widths, layers)
        )
        self.conv_post = norm(nn.Conv1d(widths[-1], 1, 3, padding=1))
        for n, (c, k, s, _) in enumerate(layers[: self.wavelets]):
            setattr(self, f"dwt_conv{n + 1}", norm(nn.Conv1d(2 ** (n + 1), c, k, s, k // 2)))

    def forward(self, x):
        """[B, 1, S]"""
        bands, features = x, []
        for n, conv in enumerate(self.convs):
            x = F.leaky_relu(conv(x), self.slope)
            features.append(x)
            if n < self.wavelets:
                bands = haar(bands)
                x = torch.cat([x, getattr(self, f"dwt_conv{n + 1}")(bands)], 2)
        score = self.conv_post(x)
        return score.flatten(1), [*features, score]


class MultiScaleDiscriminator(nn.Module):
    """HiFi-GAN's: the same at S, S / 2 and S / 4, averaged, or with `wavelets` (Fre-GAN) mixed from subbands. The first
    has spectral norm. `width`: factor of all channels."""

    def __init__(self, layers=HIFI_GAN_SCALE, slope=0.1, wavelets=False, width=1):
        super().__init__()
        layers = [(max(16, int(c * width)), k, s, g) for c, k, s, g in layers] if width != 1 else layers
        norms, self.wavelets = (spectral_normed, normed, normed), wavelets
        self.discriminators = nn.ModuleList(ScaleDiscriminator(layers, slope, norm, wavelets) for norm in norms)
        if wavelets:
            self.dwt_conv1, self.dwt_conv2 = normed(nn.Conv1d(2, 1, 1)), normed(nn.Conv1d(4, 1, 1))

    def forward(self, x):
        bands = x = x[:, None]
        heard = [self.discriminators[0](x)]
        for n, d in enumerate(self.discriminators[1:], 1):
            if self.wavelets:
                bands = haar(bands)
                x = getattr(self, f"dwt_conv{n}")(bands)
            else:
                x = F.avg_pool1d(x, 4, 2, 2)
            heard.append(d(x))
        return heard


class MelganScale(nn.Module):
    """Strided convolutions in groups of four channels between two plain ones."""

    def __init__(self, width, strides, slope=0.2):
        super().__init__()
        act = lambda: nn.LeakyReLU(slope)
        layers, dim = [nn.Sequential(nn.ReflectionPad1d(7), normed(nn.Conv1d(1, width, 15)), act())], width
        for s in strides:
            wider = min(dim * s, 1024)
            strided = nn.Conv1d(dim, wider, 10 * s + 1, s, 5 * s, groups=dim // 4 or 1)
            layers.append(nn.Sequential(normed(strided), act()))
            dim = wider
        widest = min(2 * dim, 1024)
        layers += [nn.Sequential(normed(nn.Conv1d(dim, widest, 5, padding=2)), act())]
        layers += [normed(nn.Conv1d(widest, 1, 3, padding=1))]
        self.model = nn.ModuleDict({f"layer_{n}": layer for n, layer in enumerate(layers)})

    def forward(self, x):
        """[B, 1, S]"""
        heard = []
        for layer in self.model.values():
            x = layer(x)
            heard.append(x)
        return heard[-1], heard[:-1]


class MelganDiscriminator(nn.Module):
    """MelGAN (arXiv:1910.06711): the same at S, S / 2 and S / 4. The published code can only build widths that reach
    1024
    before the last layers; others are as it means them."""

    def __init__(self, scales=3, width=16, strides=(4, 4, 4, 4)):
        super().__init__()
        self.model = nn.ModuleDict({f"disc_{n}": MelganScale(width, strides) for n in range(scales)})

    def forward(self, x):
        x, heard = x[:, None], []
        for scale in self.model.values():
            heard.append(scale(x))
            x = F.avg_pool1d(x, 4, 2, 1, count_include_pad=False)
        return heard


class ParallelWaveganDiscriminator(nn.Module):
    """Parallel WaveGAN (arXiv:1910.11480): dilated convolutions at the rate of the waveform, dilation 1, 1, 2, 3 … or
    powers of `factor`. No features: its paper matches none."""

    def __init__(self, layers=10, channels=64, kernel=3, slope=0.2, factor=1):
        super().__init__()
        dilations = [1, *(n if factor == 1 else factor**n for n in range(1, layers - 1))]
        self.conv_layers = nn.ModuleList()
        for n, d in enumerate(dilations):
            padding = (kernel - 1) // 2 * d
            self.conv_layers.append(normed(nn.Conv1d(channels if n else 1, channels, kernel, 1, padding, d)))
            self.conv_layers.append(nn.LeakyReLU(slope))
        self.conv_layers.append(normed(nn.Conv1d(channels, 1, kernel, padding=kernel // 2)))

    def forward(self, x):
        x = x[:, None]
        for layer in self.conv_layers:
            x = layer(x)
        return [(x, [])]
