"""iSTFTNet, arXiv:2203.02395. State dict and config: rishikksh20/iSTFTNet-pytorch (config_v1.json: C8C8I)."""

import torch, torch.nn.functional as F
from torch import nn
from . import hifi_gan
from .layers import conv

ARCH, CHECKPOINT, CONFIG, NESTING = "istftnet", "g_{step:08d}", "config.json", ["generator"]
mel_of, Recipe = hifi_gan.mel_of, hifi_gan.Recipe
C8C8I = dict(
    hifi_gan.V1, upsample_rates=[8, 8], upsample_kernel_sizes=[16, 16], gen_istft_n_fft=16, gen_istft_hop_size=4
)
C8I = dict(
    hifi_gan.V1, upsample_rates=[8], upsample_kernel_sizes=[16], gen_istft_n_fft=128, gen_istft_hop_size=32
)  # the paper's third variant: half the convolutions, an inverse STFT of 65 bins
PRESETS = {
    "c8c8i": C8C8I,
    "c8i": C8I,
    "c8c8i-small": dict(C8C8I, upsample_initial_channel=128),
    "latents": C8C8I
    | hifi_gan.LATENTS
    | dict(
        upsample_initial_channel=128,
        upsample_rates=[10, 10],
        upsample_kernel_sizes=[20, 20],
        gen_istft_n_fft=24,
        gen_istft_hop_size=6,
    ),
    "tiny": C8C8I | hifi_gan.TINY,
}


class Generator(hifi_gan.Generator):
    """log-mel [B, M, T] -> waveform [B, 1, T * hop]: HiFi-GAN's first stages, then magnitude and phase and an inverse
    STFT."""

    def __init__(self, config):
        super().__init__(config)
        self.n_fft, self.istft_hop = config["gen_istft_n_fft"], config["gen_istft_hop_size"]
        self.hop *= self.istft_hop
        self.conv_post = conv(self.resblocks[-1].convs1[0].out_channels, self.n_fft + 2, 7)
        self.register_buffer("window", torch.hann_window(self.n_fft), persistent=False)

    def forward(self, mel):
        x = F.pad(self.stages(mel), (1, 0), mode="reflect")
        log_magnitude, angle = self.conv_post(x).chunk(2, 1)
        magnitude, phase = log_magnitude.exp(), angle.sin()
        spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        return torch.istft(spectrum, self.n_fft, self.istft_hop, self.n_fft, self.window)[:, None]
