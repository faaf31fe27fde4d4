"""MelGAN, arXiv:1910.06711. State dict and config: descriptinc/melgan-neurips (args.yml)."""

import numpy as np, torch
from torch import nn
from papers import losses
from data.corpus import Level
from papers.discriminators import MelganDiscriminator
from .layers import conv, doubled_upsampling
from .recipe import Recipe as Defaults

ARCH, CHECKPOINT, CONFIG, NESTING = "melgan", "best_netG.pt", "args.yml", []
BASE = dict(
    n_mel_channels=80,
    ngf=32,
    n_residual_layers=3,
    ndf=16,
    num_D=3,
    n_layers_D=4,
    downsamp_factor=4,
    lambda_feat=10.0,
    batch_size=16,
    seq_len=8192,
    sampling_rate=22050,
)
TINY = dict(ngf=2, ndf=2, num_D=2, n_layers_D=2, batch_size=2, seq_len=2048, learning_rate=1e-3)
RATES = (8, 8, 2, 2)  # fixed in the reference; `ratios` of a config is ours
LATENTS = dict(  # of a back-end of the embedded voice, as in hifi_gan.py
    ngf=16, n_mel_channels=64, sampling_rate=24000, batch_size=4, seq_len=9000, ratios=[10, 6, 5, 2]
)
PRESETS = {"multi_speaker": BASE, "latents": BASE | LATENTS, "tiny": BASE | TINY}


def mel_of(config):
    return dict(rate=config["sampling_rate"], n_fft=1024, hop=256, n_mels=config["n_mel_channels"], log="log10")


class ResidualBlock(nn.Module):
    def __init__(self, dim, dilation):
        super().__init__()
        self.block = nn.Sequential(
            nn.LeakyReLU(0.2),
            nn.ReflectionPad1d(dilation),
            conv(dim, dim, 3, dilation, padding=0),
            nn.LeakyReLU(0.2),
            conv(dim, dim, 1),
        )
        self.shortcut = conv(dim, dim, 1)

    def forward(self, x):
        return self.shortcut(x) + self.block(x)


class Generator(nn.Module):
    """log10-mel [B, M, T] -> waveform [B, 1, T * hop]"""

    def __init__(self, config):
        super().__init__()
        rates = config.get("ratios", RATES)
        dim = config["ngf"] * 2 ** len(rates)
        layers = [nn.ReflectionPad1d(3), conv(config["n_mel_channels"], dim, 7, padding=0)]
        for rate in rates:
            layers += [
                nn.LeakyReLU(0.2),
                doubled_upsampling(dim, dim // 2, rate),
                *[ResidualBlock(dim // 2, 3**i) for i in range(config["n_residual_layers"])],
            ]
            dim //= 2
        self.hop = int(np.prod(rates))
        self.model = nn.Sequential(
            *layers, nn.LeakyReLU(0.2), nn.ReflectionPad1d(3), conv(dim, 1, 7, padding=0), nn.Tanh()
        )

    def forward(self, mel):
        return self.model(mel)


class Recipe(Defaults):
    """Hinge loss and feature matching alone: no spectral loss tells the generator what to say."""

    level = Level(0.3 * 0.95, 0.95)  # peak of every clip: normalized, then a random amplitude

    def __init__(self, config):
        strides = [config["downsamp_factor"]] * config["n_layers_D"]
        discriminators = dict(netD=MelganDiscriminator(config["num_D"], config["ndf"], strides))
        super().__init__(config, mel_of(config), config["seq_len"], config["batch_size"], discriminators)

    def optimizers(self, generator):
        rate = self.config.get("learning_rate", 1e-4)
        return [torch.optim.Adam(m.parameters(), rate, (0.5, 0.9)) for m in (generator, self.discriminators)]

    def decay(self, step, epoch):
        return 1.0

    def judge(self, real, fake):
        return len(real) * losses.hinge_discriminator(real, fake)

    def fool(self, real, fake):
        weight = self.config["lambda_feat"] * 4 / (self.config["n_layers_D"] + 1) / len(fake)
        return {
            "adversarial": len(fake) * losses.linear_generator(fake),
            "matching": weight * losses.summed_matching(real, fake),
        }

    def spectral(self, fake, real):
        return {}
