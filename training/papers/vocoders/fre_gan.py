"""Fre-GAN, arXiv:2106.02297. State dict and config: rishikksh20/Fre-GAN-pytorch (config_v1.json)."""

import numpy as np, torch.nn.functional as F
from torch import nn
from papers.discriminators import MultiPeriodDiscriminator, MultiScaleDiscriminator
from . import hifi_gan
from .hifi_gan import fuse, resblocks
from .layers import conv, upsampling

ARCH, CHECKPOINT, CONFIG, NESTING = "fre-gan", "g_{step:08d}", "config.json", ["generator"]
mel_of = hifi_gan.mel_of
V1 = dict(
    hifi_gan.V1,
    upsample_rates=[8, 4, 2, 2, 2],
    upsample_kernel_sizes=[16, 8, 4, 4, 4],
    resblock_dilation_sizes=[[1, 3, 5, 7]] * 3,
)
PRESETS = dict(
    v1=V1,
    v2=dict(V1, upsample_initial_channel=128),
    tiny=V1 | hifi_gan.TINY | dict(upsample_initial_channel=32),
)


class Generator(nn.Module):
    """log-mel [B, M, T] -> waveform [B, 1, T * hop]: the mel is added at every resolution, and the last three stages
    are summed (resolution-connected)."""

    def __init__(self, config):
        super().__init__()
        rates, kernels, dim = (
            config["upsample_rates"],
            config["upsample_kernel_sizes"],
            config["upsample_initial_channel"],
        )
        dims = [dim // 2 ** (i + 1) for i in range(len(rates))]
        self.hop = int(np.prod(rates))
        self.conv_pre = conv(config["num_mels"], dim, 7)
        self.ups = nn.ModuleList(
            upsampling(n_in, n_out, k, r) for n_in, n_out, k, r in zip([dim, *dims], dims, kernels, rates)
        )
        self.cond_up = nn.ModuleList(
            upsampling(n_in, n_out, k, r)
            for n_in, n_out, k, r in zip([config["num_mels"], *dims], dims[:-1], kernels, rates)
        )
        self.res_output = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=r), conv(n_in, n_out, 1))
            for n_in, n_out, r in zip(dims[1:], dims[2:], rates[2:])
        )
        self.resblocks = resblocks(config, dims)
        self.conv_post = conv(dims[-1], 1, 7)

    def forward(self, mel):
        x, out = self.conv_pre(mel), None
        for i, up in enumerate(self.ups):
            if i >= 1:
                mel = self.cond_up[i - 1](mel)
                x = x + mel
            if i >= 2:
                out = self.res_output[i - 2](x if out is None else out)
            x = fuse(self.resblocks, i, len(self.ups), up(F.leaky_relu(x, 0.1)))
            if out is not None:
                out = out + x
        return self.conv_post(F.leaky_relu(x if out is None else out)).tanh()


class Recipe(hifi_gan.Recipe):
    """HiFi-GAN's losses under discriminators that read wavelet subbands, so that downsampling hides no frequency from
    them."""

    def __init__(self, config):
        options = dict(wavelets=True, width=config.get("discriminator_channel_mult", 1))
        super().__init__(
            config,
            dict(mpd=MultiPeriodDiscriminator(**options), msd=MultiScaleDiscriminator(**options)),
        )
