"""Discriminators of one or several STFTs: magnitudes, or the complex spectrum, whole or in bands."""

import torch, torch.nn.functional as F
from torch import nn
from papers.vocoders.layers import normed


def complex_stft(x, n_fft, hop, window, center=False):
    """[B, C, S] or [B, S] -> real parts of all channels, then imaginary ones [B, 2 C, T, F]; not normalized"""
    x = x.float() if x.dim() == 3 else x.float()[:, None]
    s = torch.stft(x.flatten(0, 1), n_fft, hop, len(window), window, center=center, return_complex=True)
    s = torch.view_as_real(s).unflatten(0, x.shape[:2])  # [B, C, F, T, 2]
    # gradients of convolutions over a permuted view corrupt the heap in torch 2.15
    return s.permute(0, 4, 1, 3, 2).flatten(1, 2).contiguous()


def kernels(channels, first=1):
    """Inputs, kernel and stride of the five convolutions that UnivNet's, Vocos' and DAC's discriminators share."""
    return [(first, (3, 9), (1, 1)), *[(channels, (3, 9), (1, 2))] * 3, (channels, (3, 3), (1, 1))]


class ResolutionDiscriminator(nn.Module):
    """UnivNet (arXiv:2106.07889): 2-D convolutions over the magnitude of one STFT. As the published code has it:
    strided
    along time, and no window function but the box of `window` samples."""

    def __init__(self, n_fft, hop, window, channels=32, slope=0.2):
        super().__init__()
        self.n_fft, self.hop, self.slope = n_fft, hop, slope
        self.register_buffer("window", torch.ones(window), persistent=False)
        conv = lambda i, k, s: normed(nn.Conv2d(i, channels, k, s, (k[0] // 2, k[1] // 2)))
        self.convs = nn.ModuleList(conv(*each) for each in kernels(channels))
        self.conv_post = normed(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x):
        pad = (self.n_fft - self.hop) // 2
        x = F.pad(x.float()[:, None], (pad, pad), "reflect")[:, 0]
        s = torch.stft(x, self.n_fft, self.hop, len(self.window), self.window, center=False, return_complex=True)
        x = torch.view_as_real(s).norm(dim=-1)[:, None]  # [B, 1, F, T]
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), self.slope)
            features.append(x)
        score = self.conv_post(x)
        return score.flatten(1), [*features, score]


class MultiResolutionDiscriminator(nn.Module):
    def __init__(self, resolutions=((1024, 120, 600), (2048, 240, 1200), (512, 50, 240)), channels=32, slope=0.2):
        super().__init__()
        self.discriminators = nn.ModuleList(ResolutionDiscriminator(*r, channels, slope) for r in resolutions)

    def forward(self, x):
        return [d(x) for d in self.discriminators]


class Layer(nn.Module):
    """A convolution, named as EnCodec's are: `conv` inside of a wrapper."""

    def __init__(self, conv):
        super().__init__()
        self.conv = conv

    def forward(self, x):
        return self.conv(x)


class ComplexDiscriminator(nn.Module):
    """EnCodec (arXiv:2210.13438): 2-D convolutions over the complex STFT, dilated along time and strided along
    frequency.
    The spectrum is divided by the root of its window's power. No norm on the first convolution, as in the published
    code;
    `slope` is 0.2 there, 0.3 in audiocraft."""

    def __init__(self, n_fft, channels=32, inputs=1, slope=0.2, hop=None, window=None, dilations=(1, 2, 4)):
        super().__init__()
        self.n_fft, self.slope, self.hop = n_fft, slope, hop or n_fft // 4
        self.register_buffer("window", torch.hann_window(window or n_fft), persistent=False)
        strided = [nn.Conv2d(channels, channels, (3, 9), (1, 2), (d, 4), (d, 1)) for d in dilations]
        normal = [normed(conv) for conv in (*strided, nn.Conv2d(channels, channels, 3, padding=1))]
        first = nn.Conv2d(2 * inputs, channels, (3, 9), padding=(1, 4))
        self.convs = nn.ModuleList(Layer(conv) for conv in (first, *normal))
        self.conv_post = Layer(normed(nn.Conv2d(channels, 1, 3, padding=1)))

    def forward(self, x):
        x = complex_stft(x, self.n_fft, self.hop, self.window) / self.window.square().sum().sqrt()
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), self.slope)
            features.append(x)
        return self.conv_post(x), features


class MultiScaleStftDiscriminator(nn.Module):
    """`sizes`: of the FFTs, at a hop of a quarter. The paper's five; the published default is three."""

    def __init__(self, sizes=(1024, 2048, 512, 256, 128), channels=32, inputs=1, **options):
        super().__init__()
        self.discriminators = nn.ModuleList(ComplexDiscriminator(n, channels, inputs, **options) for n in sizes)

    def forward(self, x):
        """[B, S], or [B, C, S] of `inputs` channels"""
        return [d(x) for d in self.discriminators]


class ResidualStftDiscriminator(nn.Module):
    """SoundStream (arXiv:2107.03312): residual units over the complex STFT (1024, hop 256), strided by 2 along
    frequency
    and in every other unit along time. No official code exists; names are ours."""

    def __init__(self, channels=32, n_fft=1024, hop=256):
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        widths = [channels * m for m in (1, 2, 4, 4, 8, 8, 16)]
        self.first = normed(nn.Conv2d(2, channels, 7, padding=3))
        steps = [(i, o, (1 + n % 2, 2)) for n, (i, o) in enumerate(zip(widths, widths[1:]))]
        self.plain = nn.ModuleList(normed(nn.Conv2d(i, i, 3, padding=1)) for i, _, _ in steps)
        self.strided = nn.ModuleList(normed(nn.Conv2d(i, o, (s[0] + 2, s[1] + 2), s, 1)) for i, o, s in steps)
        self.shortcut = nn.ModuleList(normed(nn.Conv2d(i, o, 1, s)) for i, o, s in steps)
        self.post = normed(nn.Conv2d(widths[-1], 1, (1, n_fft // 2**7)))

    def forward(self, x):
        spectrum = complex_stft(x, self.n_fft, self.hop, self.window, center=True) / self.n_fft**0.5
        x = self.first(spectrum[..., :-1])  # without the highest bin: a power of two
        features = [x]
        for plain, strided, shortcut in zip(self.plain, self.strided, self.shortcut):
            y = strided(F.elu(plain(F.elu(x))))
            x = y + shortcut(x)[..., : y.shape[2], : y.shape[3]]
            features.append(x)
        return [(self.post(F.elu(x)), features)]


class BandDiscriminator(nn.Module):
    """DAC (arXiv:2306.06546) and Vocos' repository: a stack of convolutions for each of five bands of the complex STFT.
    `conditions`: number of bandwidths that Vocos for EnCodec tells it. The published code matches no features of the
    first convolutions."""

    def __init__(self, n_fft, channels=32, edges=(0, 0.1, 0.25, 0.5, 0.75, 1), slope=0.1, conditions=None):
        super().__init__()
        self.n_fft, self.slope = n_fft, slope
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        bins = [int(e * (n_fft // 2 + 1)) for e in edges]
        self.bands = list(zip(bins, bins[1:]))
        conv = lambda i, k, s: normed(nn.Conv2d(i, channels, k, s, (k[0] // 2, k[1] // 2)))
        stack = lambda: nn.ModuleList(conv(*each) for each in kernels(channels, 2))
        self.band_convs = nn.ModuleList(stack() for _ in self.bands)
        self.conv_post = normed(nn.Conv2d(channels, 1, 3, padding=1))
        if conditions:
            self.emb = nn.Embedding(conditions, channels)
            nn.init.zeros_(self.emb.weight)

    def forward(self, x, condition=None):
        x = x - x.mean(-1, keepdim=True)
        x = 0.8 * x / (x.abs().amax(-1, keepdim=True) + 1e-9)
        spectrum, features, ends = complex_stft(x, self.n_fft, self.n_fft // 4, self.window, center=True), [], []
        for (low, high), stack in zip(self.bands, self.band_convs):
            y = spectrum[..., low:high]
            for n, conv in enumerate(stack):
                y = F.leaky_relu(conv(y), self.slope)
                if n:
                    features.append(y)
            ends.append(y)
        x = torch.cat(ends, -1)
        score = self.conv_post(x)
        if condition is not None:
            score = score + (self.emb(condition).view(1, -1, 1, 1) * x).sum(1, keepdim=True)
        return score, [*features, score]


class MultiBandDiscriminator(nn.Module):
    def __init__(self, sizes=(2048, 1024, 512), channels=32, **options):
        super().__init__()
        self.discriminators = nn.ModuleList(BandDiscriminator(n, channels, **options) for n in sizes)

    def forward(self, x, condition=None):
        return [d(x, condition) for d in self.discriminators]
