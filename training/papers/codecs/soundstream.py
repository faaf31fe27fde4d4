"""SoundStream, arXiv:2107.03312: EnCodec's network without the LSTM, three residual units per stage. No official
weights exist; state dict and config are EnCodec's."""

import random
import torch
from torch import nn
from papers import losses
from papers.discriminators import MelganDiscriminator, ResidualStftDiscriminator
from . import encodec

ARCH, CHECKPOINT = "soundstream", "soundstream_{step:08d}.th"
PAPER = dict(
    encodec.ENCODEC_24K,
    lstm=0,
    dimension=256,
    ratios=[8, 5, 4, 2],
    n_q=16,
    target_bandwidths=[1.5, 3, 6, 12],
    n_residual_layers=3,
    residual_kernel_size=7,
    dilation_base=3,
)
PRESETS = {
    "24khz": PAPER,
    "small": dict(PAPER, n_filters=16, dimension=64, n_q=8, target_bandwidths=[1.5, 3, 6]),
    "tiny": dict(PAPER, n_filters=2, dimension=8, n_q=4, bins=16, target_bandwidths=[0.6, 1.2]) | encodec.FAST,
}
Codec = encodec.Codec


class Recipe(encodec.Recipe):
    """Hinge loss and feature matching (100) under a discriminator of the complex STFT and three of the waveform, mels
    at six scales; a sum, not balanced."""

    segment, batch, rate = 0.36, 128, 1e-4

    def __init__(self, config):
        self.config = config
        wave = MelganDiscriminator(width=max(2, config["n_filters"] // 2))
        self.discriminators = nn.ModuleDict(
            dict(stft=ResidualStftDiscriminator(max(2, config["n_filters"])), wave=wave)
        )

    def levels(self, codec):
        return random.randint(1, self.config["n_q"])

    def hear(self, x):
        return super().hear(x[:, 0])

    def judged(self):
        return True

    def fool(self, real, fake):
        return {
            "adversarial": losses.hinge_generator(fake),
            "matching": 100 * losses.feature_matching(real, fake, relative=False),
        }

    def reconstruct(self, fake, real):
        return {"mel": losses.soundstream_mel(fake[:, 0], real[:, 0], self.config["sample_rate"])}

    def backward(self, terms, output, commitment):
        (sum(terms.values()) + commitment).backward()
