"""UnivNet, arXiv:2106.07889. State dict and config: maum-ai/univnet (default_c16.yaml, default_c32.yaml)."""

import ast
import numpy as np, torch, torch.nn.functional as F
from torch import nn
from papers import losses
from papers.discriminators import MultiPeriodDiscriminator, MultiResolutionDiscriminator
from .layers import conv, doubled_upsampling
from .recipe import Recipe as Defaults

ARCH, CHECKPOINT, CONFIG, NESTING = "univnet", "univnet_{step:07d}.pt", "config.yaml", ["model_g"]
SILENCE = -11.5129  # ln(1e-5); published inference appends 10 such frames, and drops their samples
C32 = dict(
    train=dict(batch_size=32, optimizer="adam", adam=dict(lr=1e-4, beta1=0.5, beta2=0.9), stft_lamb=2.5),
    audio=dict(
        n_mel_channels=100,
        segment_length=16384,
        filter_length=1024,
        hop_length=256,
        win_length=1024,
        sampling_rate=24000,
        mel_fmin=0.0,
        mel_fmax=12000.0,
    ),
    gen=dict(
        noise_dim=64, channel_size=32, dilations=[1, 3, 9, 27], strides=[8, 8, 4], lReLU_slope=0.2, kpnet_conv_size=3
    ),
    mpd=dict(periods=[2, 3, 5, 7, 11], kernel_size=5, stride=3, use_spectral_norm=False, lReLU_slope=0.2),
    mrd=dict(
        resolutions="[(1024, 120, 600), (2048, 240, 1200), (512, 50, 240)]", use_spectral_norm=False, lReLU_slope=0.2
    ),
)
TINY = dict(
    C32,
    discriminator_channel_mult=1 / 32,
    train=dict(C32["train"], batch_size=2, adam=dict(lr=1e-3, beta1=0.5, beta2=0.9)),
    gen=dict(C32["gen"], noise_dim=8, channel_size=4),
    audio=dict(C32["audio"], n_mel_channels=20, segment_length=4096),
)
C16 = dict(C32, gen=dict(C32["gen"], channel_size=16))
LATENTS = dict(  # of a back-end of the embedded voice, as in hifi_gan.py
    C16,
    discriminator_channel_mult=1 / 4,
    train=dict(C32["train"], batch_size=4),
    gen=dict(C16["gen"], strides=[10, 10, 6]),
    audio=dict(
        C32["audio"], n_mel_channels=64, segment_length=9000, filter_length=1200, hop_length=600, win_length=1200
    ),
)
PRESETS = dict(c16=C16, c32=C32, latents=LATENTS, tiny=TINY)


def mel_of(config):
    a = config["audio"]
    return dict(
        rate=a["sampling_rate"],
        n_fft=a["filter_length"],
        hop=a["hop_length"],
        win=a["win_length"],
        n_mels=a["n_mel_channels"],
        fmin=a["mel_fmin"],
        fmax=a["mel_fmax"],
        epsilon=1e-9,
    )


class KernelPredictor(nn.Module):
    """mel [B, M, T] -> kernels [B, layers, C, 2C, k, T] and biases [B, layers, 2C, T] of location-variable
    convolutions"""

    def __init__(self, n_mels, dim, layers, kernel, conv_size, slope, hidden=64):
        super().__init__()
        self.shape = (layers, dim, 2 * dim, kernel)
        act = lambda: nn.LeakyReLU(slope)
        self.input_conv = nn.Sequential(conv(n_mels, hidden, 5), act())
        self.residual_convs = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(0.0), conv(hidden, hidden, conv_size), act(), conv(hidden, hidden, conv_size), act()
            )
            for _ in range(3)
        )
        self.kernel_conv = conv(hidden, int(np.prod(self.shape)), conv_size)
        self.bias_conv = conv(hidden, layers * 2 * dim, conv_size)

    def forward(self, mel):
        c = self.input_conv(mel)
        for residual in self.residual_convs:
            c = c + residual(c)
        b, _, t = c.shape
        return self.kernel_conv(c).view(b, *self.shape, t), self.bias_conv(c).view(b, self.shape[0], self.shape[2], t)


def location_variable_convolution(x, kernel, bias):
    """x [B, C, T * hop], kernel [B, C, O, k, T], bias [B, O, T] -> [B, O, T * hop]: the samples of each frame are
    convolved with its own kernel."""
    b, _, length = x.shape
    k, t = kernel.shape[3:]
    hop = length // t
    windows = F.pad(x, (k // 2, k // 2)).unfold(2, hop + k - 1, hop).unfold(3, k, 1)  # [B, C, T, hop, k]
    return (torch.einsum("bctsk,bcokt->bots", windows, kernel) + bias[..., None]).reshape(b, -1, length)


class LvcBlock(nn.Module):
    def __init__(self, n_mels, g, stride):
        super().__init__()
        dim, slope = g["channel_size"], g["lReLU_slope"]
        self.kernel_predictor = KernelPredictor(n_mels, dim, len(g["dilations"]), 3, g["kpnet_conv_size"], slope)
        self.convt_pre = nn.Sequential(nn.LeakyReLU(slope), doubled_upsampling(dim, dim, stride))
        self.conv_blocks = nn.ModuleList(
            nn.Sequential(nn.LeakyReLU(slope), conv(dim, dim, 3, d), nn.LeakyReLU(slope)) for d in g["dilations"]
        )

    def forward(self, x, mel):
        x = self.convt_pre(x)
        kernels, biases = self.kernel_predictor(mel)
        for i, block in enumerate(self.conv_blocks):
            a, b = location_variable_convolution(block(x), kernels[:, i], biases[:, i]).chunk(2, 1)
            x = x + a.sigmoid() * b.tanh()
        return x


class Generator(nn.Module):
    """log-mel [B, M, T], noise [B, noise_dim, T] -> waveform [B, 1, T * hop]"""

    def __init__(self, config):
        super().__init__()
        g, n_mels = config["gen"], config["audio"]["n_mel_channels"]
        self.hop, self.noise_dim = int(np.prod(g["strides"])), g["noise_dim"]
        self.conv_pre = conv(g["noise_dim"], g["channel_size"], 7, padding_mode="reflect")
        self.res_stack = nn.ModuleList(LvcBlock(n_mels, g, s) for s in g["strides"])
        self.conv_post = nn.Sequential(
            nn.LeakyReLU(g["lReLU_slope"]), conv(g["channel_size"], 1, 7, padding_mode="reflect"), nn.Tanh()
        )

    def noise(self, mel):
        return torch.randn(len(mel), self.noise_dim, mel.shape[2], device=mel.device)

    def forward(self, mel, noise=None):
        x = self.conv_pre(self.noise(mel) if noise is None else noise)
        for block in self.res_stack:
            x = block(x, mel)
        return self.conv_post(x)


class Recipe(Defaults):
    """Multi-resolution STFT loss times 2.5, and LSGAN under spectrogram and period discriminators; no
    feature matching."""

    def __init__(self, config):
        self.resolutions = ast.literal_eval(config["mrd"]["resolutions"])
        width, (mpd, mrd) = config.get("discriminator_channel_mult", 1), (config["mpd"], config["mrd"])
        channels, slope = (64, 128, 256, 512, 1024), mpd["lReLU_slope"]  # of both, in the published code
        folds = dict(slope=slope, kernel=mpd["kernel_size"], stride=mpd["stride"], width=width)
        discriminators = dict(
            MRD=MultiResolutionDiscriminator(self.resolutions, int(32 * width), slope),
            MPD=MultiPeriodDiscriminator(mpd["periods"], channels, **folds),
        )
        super().__init__(
            config, mel_of(config), config["audio"]["segment_length"], config["train"]["batch_size"], discriminators
        )

    def optimizers(self, generator):
        adam = self.config["train"]["adam"]
        return [
            torch.optim.AdamW(m.parameters(), adam["lr"], (adam["beta1"], adam["beta2"]))
            for m in (generator, self.discriminators)
        ]

    def decay(self, step, epoch):
        return 1.0

    def judge(self, real, fake):
        return losses.lsgan_discriminator(real, fake)

    def fool(self, real, fake):
        return {"adversarial": losses.lsgan_generator(fake)}

    def spectral(self, fake, real):
        return {"stft": self.config["train"]["stft_lamb"] * losses.spectral_convergence(fake, real, self.resolutions)}
