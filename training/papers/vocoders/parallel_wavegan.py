"""Parallel WaveGAN, arXiv:1910.11480. State dict and config: kan-bayashi/ParallelWaveGAN (parallel_wavegan.v1.yaml)."""

import math
import numpy as np, torch, torch.nn.functional as F
from torch import nn
from papers import losses
from papers.discriminators import ParallelWaveganDiscriminator
from .layers import conv, normed
from .recipe import Recipe as Defaults

ARCH, CHECKPOINT, CONFIG, NESTING = (
    "parallel-wavegan",
    "checkpoint-{step}steps.pkl",
    "config.yml",
    ["model", "generator"],
)
GENERATOR = dict(
    in_channels=1,
    out_channels=1,
    kernel_size=3,
    layers=30,
    stacks=3,
    residual_channels=64,
    gate_channels=128,
    skip_channels=64,
    aux_channels=80,
    aux_context_window=2,
    dropout=0.0,
    use_weight_norm=True,
    upsample_net="ConvInUpsampleNetwork",
    upsample_params=dict(upsample_scales=[4, 4, 4, 4]),
)
V1 = dict(
    generator_type="ParallelWaveGANGenerator",
    generator_params=GENERATOR,
    discriminator_params=dict(layers=10, conv_channels=64, kernel_size=3),
    sampling_rate=22050,
    fft_size=1024,
    hop_size=256,
    win_length=None,
    window="hann",
    num_mels=80,
    fmin=80,
    fmax=7600,
    format="npy",
    stft_loss_params=dict(
        fft_sizes=[1024, 2048, 512], hop_sizes=[120, 240, 50], win_lengths=[600, 1200, 240], window="hann_window"
    ),
    lambda_adv=4.0,
    batch_size=6,
    batch_max_steps=25600,
    discriminator_train_start_steps=100000,
    train_max_steps=400000,
    generator_optimizer_params=dict(lr=1e-4, eps=1e-6),
    generator_scheduler_params=dict(step_size=200000, gamma=0.5),
    generator_grad_norm=10,
    discriminator_optimizer_params=dict(lr=5e-5, eps=1e-6),
    discriminator_scheduler_params=dict(step_size=200000, gamma=0.5),
    discriminator_grad_norm=1,
)
V1_24K = dict(
    V1,
    sampling_rate=24000,
    fft_size=2048,
    hop_size=300,
    win_length=1200,
    batch_max_steps=25500,
    generator_params=dict(GENERATOR, upsample_params=dict(upsample_scales=[4, 5, 3, 5])),
)
TINY = dict(
    V1,
    batch_size=2,
    batch_max_steps=4096,
    discriminator_train_start_steps=3,
    generator_optimizer_params=dict(lr=1e-3, eps=1e-6),
    discriminator_optimizer_params=dict(lr=5e-4, eps=1e-6),
    discriminator_params=dict(layers=3, conv_channels=4, kernel_size=3),
    generator_params=dict(GENERATOR, layers=4, stacks=2, residual_channels=8, gate_channels=16, skip_channels=8),
)
PRESETS = {"v1": V1, "v1-24k": V1_24K, "tiny": TINY}


def mel_of(config):
    return dict(
        rate=config["sampling_rate"],
        n_fft=config["fft_size"],
        hop=config["hop_size"],
        win=config["win_length"],
        n_mels=config["num_mels"],
        fmin=config["fmin"],
        fmax=config["fmax"],
        log="log10",
        floor=1e-10,
        center=True,
        statistics=True,
    )


class UpsampleNetwork(nn.Module):
    """[B, M, T] -> [B, M, T * hop]: stretch each frame, then smooth along time."""

    def __init__(self, scales):
        super().__init__()
        self.up_layers = nn.ModuleList()
        for s in scales:
            smooth = nn.Conv2d(1, 1, (1, 2 * s + 1), padding=(0, s), bias=False)
            nn.init.constant_(smooth.weight, 1 / (2 * s + 1))
            self.up_layers += [nn.Upsample(scale_factor=(1, s)), normed(smooth)]

    def forward(self, c):
        c = c[:, None]
        for layer in self.up_layers:
            c = layer(c)
        return c[:, 0]


class ConvInUpsampleNetwork(nn.Module):
    def __init__(self, n_mels, scales, context):
        super().__init__()
        self.context = context
        self.conv_in = conv(n_mels, n_mels, 2 * context + 1, padding=0, bias=False)
        self.upsample = UpsampleNetwork(scales)

    def forward(self, c):
        return self.upsample(self.conv_in(F.pad(c, (self.context, self.context), mode="replicate")))


class ResidualBlock(nn.Module):
    """WaveNet's: dilated convolution plus condition -> gate -> residual and skip."""

    def __init__(self, p, dilation):
        super().__init__()
        self.conv = conv(p["residual_channels"], p["gate_channels"], p["kernel_size"], dilation)
        self.conv1x1_aux = conv(p["aux_channels"], p["gate_channels"], 1, bias=False)
        self.conv1x1_out = conv(p["gate_channels"] // 2, p["residual_channels"], 1)
        self.conv1x1_skip = conv(p["gate_channels"] // 2, p["skip_channels"], 1)

    def forward(self, x, c):
        a, b = (self.conv(x) + self.conv1x1_aux(c)).chunk(2, 1)
        gated = a.tanh() * b.sigmoid()
        return (self.conv1x1_out(gated) + x) * math.sqrt(0.5), self.conv1x1_skip(gated)


class Generator(nn.Module):
    """normalized log10-mel [B, M, T], noise [B, 1, T * hop] -> waveform [B, 1, T * hop]"""

    def __init__(self, config):
        super().__init__()
        p = config["generator_params"]
        scales = p["upsample_params"]["upsample_scales"]
        self.hop = int(np.prod(scales))
        self.first_conv = conv(p["in_channels"], p["residual_channels"], 1)
        self.upsample_net = ConvInUpsampleNetwork(p["aux_channels"], scales, p["aux_context_window"])
        self.conv_layers = nn.ModuleList(
            ResidualBlock(p, 2 ** (i % (p["layers"] // p["stacks"]))) for i in range(p["layers"])
        )
        self.last_conv_layers = nn.Sequential(
            nn.ReLU(),
            conv(p["skip_channels"], p["skip_channels"], 1),
            nn.ReLU(),
            conv(p["skip_channels"], p["out_channels"], 1),
        )

    def noise(self, mel):
        return torch.randn(len(mel), 1, mel.shape[2] * self.hop, device=mel.device)

    def forward(self, mel, noise=None):
        c = self.upsample_net(mel)
        x, skips = self.first_conv(self.noise(mel) if noise is None else noise), 0
        for layer in self.conv_layers:
            x, skip = layer(x, c)
            skips = skips + skip
        return self.last_conv_layers(skips * math.sqrt(1 / len(self.conv_layers)))


class Recipe(Defaults):
    """Multi-resolution STFT loss alone for 100,000 steps, then also LSGAN; RAdam, halved every 200,000 steps."""

    def __init__(self, config):
        d, stft = config["discriminator_params"], config["stft_loss_params"]
        slope = d.get("nonlinear_activation_params", {}).get("negative_slope", 0.2)
        options = dict(kernel=d["kernel_size"], slope=slope, factor=d.get("dilation_factor", 1))
        discriminators = dict(discriminator=ParallelWaveganDiscriminator(d["layers"], d["conv_channels"], **options))
        super().__init__(config, mel_of(config), config["batch_max_steps"], config["batch_size"], discriminators)
        self.resolutions = list(zip(stft["fft_sizes"], stft["hop_sizes"], stft["win_lengths"]))
        self.discriminators_from = config["discriminator_train_start_steps"]
        self.clip, self.discriminators_clip = config["generator_grad_norm"], config["discriminator_grad_norm"]

    def features(self, wave):
        return (self.front_end(wave)[..., :-1],)  # centred: one frame more than samples / hop

    def parity(self, features, audio):
        return {"mel_normalized": features[0], "noise": features[1], "audio": audio}

    def optimizers(self, generator):
        return [
            torch.optim.RAdam(m.parameters(), **self.config[f"{name}_optimizer_params"])
            for m, name in ((generator, "generator"), (self.discriminators, "discriminator"))
        ]

    def decay(self, step, epoch):
        schedule = self.config["generator_scheduler_params"]
        return schedule["gamma"] ** (step // schedule["step_size"])

    def fool(self, real, fake):
        return {"adversarial": self.config["lambda_adv"] * losses.lsgan_generator(fake)}

    def spectral(self, fake, real):
        return {"stft": losses.spectral_convergence(fake, real, self.resolutions)}
