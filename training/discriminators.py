"""Discriminators of the vocoder and codec papers. Each takes waveforms [B, S] and gives, per sub-discriminator, its score map and the features of its layers."""
import torch, torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm


class PeriodDiscriminator(nn.Module):
    """HiFi-GAN (arXiv:2010.05646): the waveform folded to [S / period, period], strided convolutions along the first axis."""

    def __init__(self, period, channels=(32, 128, 512, 1024, 1024)):
        super().__init__()
        self.period = period
        widths = [1, *channels]
        self.convs = nn.ModuleList(weight_norm(nn.Conv2d(i, o, (5, 1), (3 if n < len(channels) - 1 else 1, 1), (2, 0))) for n, (i, o) in enumerate(zip(widths, widths[1:])))
        self.post = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, x):
        x = F.pad(x, (0, -x.shape[-1] % self.period), "reflect").view(len(x), 1, -1, self.period)
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
            features.append(x)
        return self.post(x), features


class MultiPeriodDiscriminator(nn.Module):
    def __init__(self, periods=(2, 3, 5, 7, 11), channels=(32, 128, 512, 1024, 1024)):
        super().__init__()
        self.discriminators = nn.ModuleList(PeriodDiscriminator(p, channels) for p in periods)

    def forward(self, x):
        return [d(x) for d in self.discriminators]


class ResolutionDiscriminator(nn.Module):
    """UnivNet (arXiv:2106.07889): 2-D convolutions over the magnitude of one STFT, strided along frequency."""

    def __init__(self, n_fft, hop, window, channels=32, slope=0.2, first_stride=1):
        super().__init__()
        self.n_fft, self.hop, self.slope = n_fft, hop, slope
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        shapes = [(1, (3, 9), (1, first_stride)), *[(channels, (3, 9), (1, 2))] * 3, (channels, (3, 3), (1, 1))]
        self.convs = nn.ModuleList(weight_norm(nn.Conv2d(i, channels, kernel, stride, (kernel[0] // 2, kernel[1] // 2))) for i, kernel, stride in shapes)
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
    def __init__(self, resolutions=((1024, 120, 600), (2048, 240, 1200), (512, 50, 240)), channels=32, first_stride=1):
        super().__init__()
        self.discriminators = nn.ModuleList(ResolutionDiscriminator(*r, channels, first_stride=first_stride) for r in resolutions)

    def forward(self, x):
        return [d(x) for d in self.discriminators]
