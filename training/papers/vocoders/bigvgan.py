"""BigVGAN v1 and v2, arXiv:2206.04658. State dict and config: NVIDIA/BigVGAN (config.json)."""

import numpy as np, torch, torch.nn.functional as F
from torch import nn
from papers import losses
from data.corpus import Level
from papers.discriminators import MultiPeriodDiscriminator, MultiResolutionDiscriminator, MultiScaleSubBandDiscriminator
from . import hifi_gan
from .hifi_gan import fuse
from .layers import conv, kaiser_sinc, upsampling

ARCH, CHECKPOINT, CONFIG, NESTING = "bigvgan", "bigvgan_generator.pt", "config.json", ["generator"]
mel_of = hifi_gan.mel_of
LARGE = dict(
    hifi_gan.V1,
    upsample_rates=[4, 4, 2, 2, 2, 2],
    upsample_kernel_sizes=[8, 8, 4, 4, 4, 4],
    upsample_initial_channel=1536,
    activation="snakebeta",
    snake_logscale=True,
    batch_size=32,
    learning_rate=1e-4,
    lr_decay=0.9999996,
    clip_grad_norm=1000,
    resolutions=[[1024, 120, 600], [2048, 240, 1200], [512, 50, 240]],
    num_mels=100,
    sampling_rate=24000,
    fmax=12000,
)
BASE = dict(LARGE, upsample_rates=[8, 8, 2, 2], upsample_kernel_sizes=[16, 16, 4, 4], upsample_initial_channel=512)
V2 = dict(
    LARGE,
    use_tanh_at_final=False,
    use_bias_at_final=False,
    use_multiscale_melloss=True,
    lambda_melloss=15,
    clip_grad_norm=500,
    segment_size=65536,
    fmax=None,
    use_cqtd_instead_of_mrd=True,
    cqtd_filters=128,
    cqtd_hop_lengths=[512, 256, 256],
    cqtd_n_octaves=[9, 9, 9],
    cqtd_bins_per_octaves=[24, 36, 48],
)
PRESETS = {
    "base_24khz_100band": BASE,
    "24khz_100band": LARGE,
    "v2_24khz_100band_256x": V2,
    "v2_22khz_80band_256x": dict(V2, num_mels=80, sampling_rate=22050),
    "v2_44khz_128band_256x": dict(V2, num_mels=128, sampling_rate=44100),
    "v2_44khz_128band_512x": dict(
        V2,
        num_mels=128,
        sampling_rate=44100,
        n_fft=2048,
        hop_size=512,
        win_size=2048,
        upsample_rates=[8, 4, 2, 2, 2, 2],
        upsample_kernel_sizes=[16, 8, 4, 4, 4, 4],
    ),
    "tiny": BASE | hifi_gan.TINY,
    "tiny-v2": V2 | hifi_gan.TINY | dict(upsample_initial_channel=64, segment_size=4096, num_mels=20),
}


class Snake(nn.Module):
    """x + sin²(αx) / β; plain Snake has β = α"""

    def __init__(self, dim, beta, log_scale):
        super().__init__()
        start = torch.zeros if log_scale else torch.ones
        self.log_scale = log_scale
        self.alpha = nn.Parameter(start(dim))
        self.beta = nn.Parameter(start(dim)) if beta else None

    def forward(self, x):
        alpha, beta = (
            p[:, None].exp() if self.log_scale else p[:, None]
            for p in (self.alpha, self.alpha if self.beta is None else self.beta)
        )
        return x + (x * alpha).sin().pow(2) / (beta + 1e-9)


class Filter(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("filter", kaiser_sinc())


class AntiAliased(nn.Module):
    """Snake at twice the rate, low-passed on the way up and down, so that the harmonics it makes do not alias."""

    def __init__(self, dim, config):
        super().__init__()
        self.act = Snake(dim, config["activation"] == "snakebeta", config["snake_logscale"])
        self.upsample, self.downsample = Filter(), nn.Module()
        self.downsample.lowpass = Filter()

    def forward(self, x):
        dim = x.shape[1]
        up = (
            2
            * F.conv_transpose1d(
                F.pad(x, (5, 5), mode="replicate"), self.upsample.filter.expand(dim, 1, 12), stride=2, groups=dim
            )[..., 15:-15]
        )
        return F.conv1d(
            F.pad(self.act(up), (5, 6), mode="replicate"),
            self.downsample.lowpass.filter.expand(dim, 1, 12),
            stride=2,
            groups=dim,
        )


class AmpBlock1(hifi_gan.ResBlock1):
    def __init__(self, dim, kernel, dilations, config):
        super().__init__(dim, kernel, dilations)
        self.activations = nn.ModuleList(AntiAliased(dim, config) for _ in range(2 * len(dilations)))

    def forward(self, x):
        for dilated, plain, first, second in zip(
            self.convs1, self.convs2, self.activations[::2], self.activations[1::2]
        ):
            x = x + plain(second(dilated(first(x))))
        return x


class AmpBlock2(hifi_gan.ResBlock2):
    def __init__(self, dim, kernel, dilations, config):
        super().__init__(dim, kernel, dilations)
        self.activations = nn.ModuleList(AntiAliased(dim, config) for _ in dilations)

    def forward(self, x):
        for dilated, activation in zip(self.convs, self.activations):
            x = x + dilated(activation(x))
        return x


class Generator(nn.Module):
    """log-mel [B, M, T] -> waveform [B, 1, T * hop]"""

    def __init__(self, config):
        super().__init__()
        rates, dim = config["upsample_rates"], config["upsample_initial_channel"]
        dims = [dim // 2 ** (i + 1) for i in range(len(rates))]
        block = {"1": AmpBlock1, "2": AmpBlock2}[config["resblock"]]
        self.hop, self.tanh = int(np.prod(rates)), config.get("use_tanh_at_final", True)
        self.conv_pre = conv(config["num_mels"], dim, 7)
        self.ups = nn.ModuleList(
            nn.ModuleList([upsampling(n_in, n_out, k, r)])
            for n_in, n_out, k, r in zip([dim, *dims], dims, config["upsample_kernel_sizes"], rates)
        )
        self.resblocks = nn.ModuleList(
            block(d, k, dilations, config)
            for d in dims
            for k, dilations in zip(config["resblock_kernel_sizes"], config["resblock_dilation_sizes"])
        )
        self.activation_post = AntiAliased(dims[-1], config)
        self.conv_post = conv(dims[-1], 1, 7, bias=config.get("use_bias_at_final", True))

    def forward(self, mel):
        x = self.conv_pre(mel)
        for i, (up,) in enumerate(self.ups):
            x = fuse(self.resblocks, i, len(self.ups), up(x))
        x = self.conv_post(self.activation_post(x))
        return x.tanh() if self.tanh else x.clamp(-1, 1)


class Recipe(hifi_gan.Recipe):
    """HiFi-GAN's losses under period and resolution discriminators, clipped, decayed every step; v2: sub-bands of a
    constant-Q transform instead of resolutions, a finer mel loss and longer segments. Each discriminator is clipped
    by itself."""

    level = Level(0.95, whole=False)  # peak of every piece

    def __init__(self, config):
        width = config.get("discriminator_channel_mult", 1)
        if config.get("use_cqtd_instead_of_mrd"):
            scales = (config[f"cqtd_{name}"] for name in ("hop_lengths", "n_octaves", "bins_per_octaves"))
            spectra = dict(
                mrd=MultiScaleSubBandDiscriminator(
                    config["sampling_rate"],
                    *scales,
                    int(config.get("cqtd_filters", 32) * width),
                    dilations=config.get("cqtd_dilations", (1, 2, 4)),
                    level=config.get("cqtd_normalize_volume", False),
                )
            )
        else:
            spectra = dict(mrd=MultiResolutionDiscriminator(config["resolutions"], int(32 * width), 0.1))
        periods = MultiPeriodDiscriminator(config.get("mpd_reshapes", (2, 3, 5, 7, 11)), width=width)
        super().__init__(config, dict(mpd=periods, **spectra))
        self.clip = self.discriminators_clip = config.get("clip_grad_norm", 1000)

    def clipped(self):
        return [[*module.parameters()] for module in self.discriminators.values()]

    def decay(self, step, epoch):
        return self.config["lr_decay"] ** step

    def spectral(self, fake, real):
        if self.config.get("use_multiscale_melloss"):
            return {"mel": self.config["lambda_melloss"] * losses.fine_mel(fake, real, self.rate)}
        return super().spectral(fake, real)
