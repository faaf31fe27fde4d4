"""HiFi-GAN, arXiv:2010.05646. State dict and config: jik876/hifi-gan (config_v1.json …)."""

import numpy as np, torch.nn.functional as F
from torch import nn
from papers.discriminators import MultiPeriodDiscriminator, MultiScaleDiscriminator
from data.corpus import Level
from data.mels import LogMel
from .layers import conv, upsampling
from .recipe import Recipe as Defaults

ARCH, CHECKPOINT, CONFIG, NESTING = "hifi-gan", "g_{step:08d}", "config.json", ["generator"]
V1 = dict(
    resblock="1",
    upsample_rates=[8, 8, 2, 2],
    upsample_kernel_sizes=[16, 16, 4, 4],
    upsample_initial_channel=512,
    resblock_kernel_sizes=[3, 7, 11],
    resblock_dilation_sizes=[[1, 3, 5]] * 3,
    batch_size=16,
    learning_rate=2e-4,
    adam_b1=0.8,
    adam_b2=0.99,
    lr_decay=0.999,
    segment_size=8192,
    num_mels=80,
    n_fft=1024,
    hop_size=256,
    win_size=1024,
    sampling_rate=22050,
    fmin=0,
    fmax=8000,
    fmax_for_loss=None,
)
V2 = dict(V1, upsample_initial_channel=128)
V3 = dict(
    V1,
    resblock="2",
    upsample_rates=[8, 8, 4],
    upsample_kernel_sizes=[16, 16, 8],
    upsample_initial_channel=256,
    resblock_kernel_sizes=[3, 5, 7],
    resblock_dilation_sizes=[[1, 2], [2, 6], [3, 12]],
)
# Of a tiny preset: small enough for a test, and ten times the rate, since the papers' is meant for a million steps
TINY = dict(
    discriminator_channel_mult=1 / 32,
    upsample_initial_channel=16,
    batch_size=2,
    segment_size=2048,
    learning_rate=2e-3,
)
# Of a back-end of the embedded voice (train/back_ends.py): its codec's latents instead of a mel, 600 samples a frame
LATENTS = dict(
    discriminator_channel_mult=1 / 4,
    batch_size=4,
    segment_size=9000,
    num_mels=64,
    n_fft=1200,
    hop_size=600,
    win_size=1200,
    sampling_rate=24000,
    fmax=12000,
)
PRESETS = dict(
    v1=V1,
    v2=V2,
    v3=V3,
    latents=V2 | LATENTS | dict(upsample_rates=[10, 6, 5, 2], upsample_kernel_sizes=[20, 12, 11, 4]),
    tiny=V1 | TINY,
)


def mel_of(config, fmax="fmax"):
    return dict(
        rate=config["sampling_rate"],
        n_fft=config["n_fft"],
        hop=config["hop_size"],
        win=config["win_size"],
        n_mels=config["num_mels"],
        fmin=config["fmin"],
        fmax=config[fmax],
        epsilon=1e-9,
    )


class ResBlock1(nn.Module):
    """For each dilation: x + conv(lrelu(dilated conv(lrelu(x))))"""

    def __init__(self, dim, kernel, dilations):
        super().__init__()
        self.convs1 = nn.ModuleList(conv(dim, dim, kernel, d) for d in dilations)
        self.convs2 = nn.ModuleList(conv(dim, dim, kernel) for _ in dilations)

    def forward(self, x):
        for dilated, plain in zip(self.convs1, self.convs2):
            x = x + plain(F.leaky_relu(dilated(F.leaky_relu(x, 0.1)), 0.1))
        return x


class ResBlock2(nn.Module):
    """For each dilation: x + dilated conv(lrelu(x))"""

    def __init__(self, dim, kernel, dilations):
        super().__init__()
        self.convs = nn.ModuleList(conv(dim, dim, kernel, d) for d in dilations)

    def forward(self, x):
        for dilated in self.convs:
            x = x + dilated(F.leaky_relu(x, 0.1))
        return x


def resblocks(config, dims):
    """Multi-receptive-field fusion: for each stage one block per kernel size, whose outputs `fuse` averages."""
    block = {"1": ResBlock1, "2": ResBlock2}[config["resblock"]]
    return nn.ModuleList(
        block(dim, k, d)
        for dim in dims
        for k, d in zip(config["resblock_kernel_sizes"], config["resblock_dilation_sizes"])
    )


def fuse(blocks, stage, stages, x):
    n = len(blocks) // stages
    return sum(block(x) for block in blocks[stage * n : (stage + 1) * n]) / n


class Generator(nn.Module):
    """log-mel [B, M, T] -> waveform [B, 1, T * hop]"""

    def __init__(self, config):
        super().__init__()
        rates, dim = config["upsample_rates"], config["upsample_initial_channel"]
        dims = [dim // 2 ** (i + 1) for i in range(len(rates))]
        self.hop = int(np.prod(rates))
        self.conv_pre = conv(config["num_mels"], dim, 7)
        self.ups = nn.ModuleList(
            upsampling(n_in, n_out, k, r)
            for n_in, n_out, k, r in zip([dim, *dims], dims, config["upsample_kernel_sizes"], rates)
        )
        self.resblocks = resblocks(config, dims)
        self.conv_post = conv(dims[-1], 1, 7)

    def stages(self, mel):
        """-> features [B, C, T * product of the rates] before the last convolution"""
        x = self.conv_pre(mel)
        for i, up in enumerate(self.ups):
            x = fuse(self.resblocks, i, len(self.ups), up(F.leaky_relu(x, 0.1)))
        return F.leaky_relu(x)  # the framework's slope, 0.01

    def forward(self, mel):
        return self.conv_post(self.stages(mel)).tanh()


class Recipe(Defaults):
    """LSGAN, feature matching and 45 times the L1 of the mel up to the Nyquist frequency; AdamW, decayed
    every epoch."""

    mel_weight = 45
    level = Level(0.95)  # peak of every clip

    def __init__(self, config, discriminators=None):
        width = config.get("discriminator_channel_mult", 1)
        discriminators = discriminators or dict(
            mpd=MultiPeriodDiscriminator(width=width), msd=MultiScaleDiscriminator(width=width)
        )
        super().__init__(config, mel_of(config), config["segment_size"], config["batch_size"], discriminators)
        self.loss_mel = LogMel(**mel_of(config, "fmax_for_loss"))

    def spectral(self, fake, real):
        return {"mel": self.mel_weight * F.l1_loss(self.loss_mel(fake), self.loss_mel(real))}
