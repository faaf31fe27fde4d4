"""WaveNet, arXiv:1609.03499: what the GAN vocoders replaced, kept small as their baseline. Causal, dilated convolutions
say how likely each of 256 μ-law values of the next sample is, given those before it and the mel; it speaks sample by
sample. No official code exists; names are ours, the layers' those of the paper (after Tacotron 2's conditioning)."""

import math
import numpy as np, torch, torch.nn.functional as F
from torch import nn
from .layers import conv, upsampling

ARCH, CHECKPOINT, CONFIG, NESTING = "wavenet", "wavenet_{step:08d}.pt", "config.json", ["generator"]
SMALL = dict(
    channels=64,
    skip_channels=128,
    layers=20,
    stacks=2,
    classes=256,
    upsample_scales=[4, 5, 15],
    num_mels=80,
    n_fft=1200,
    hop_size=300,
    sampling_rate=24000,
    segment_size=7200,
    batch_size=8,
    learning_rate=1e-3,
)
TINY = dict(SMALL, channels=8, skip_channels=8, layers=10, num_mels=20, upsample_scales=[4, 15], hop_size=60, n_fft=512)
TINY |= dict(segment_size=1200, batch_size=8, learning_rate=2e-2)
PRESETS = dict(small=SMALL, tiny=TINY)


def mel_of(config):
    return dict(rate=config["sampling_rate"], n_fft=config["n_fft"], hop=config["hop_size"], n_mels=config["num_mels"])


def encode(wave, classes):
    """[-1, 1] -> the nearest of `classes` μ-law values (ITU-T G.711's curve, as a formula)"""
    mu = classes - 1
    compressed = wave.clamp(-1, 1).sign() * torch.log1p(mu * wave.clamp(-1, 1).abs()) / math.log1p(mu)
    return ((compressed + 1) / 2 * mu + 0.5).floor().long()


def decode(codes, classes):
    mu = classes - 1
    y = 2 * codes.float() / mu - 1
    return y.sign() * torch.expm1(y.abs() * math.log1p(mu)) / mu


class Layer(nn.Module):
    """Gated, dilated, of two taps: the sample `dilation` before and this one."""

    def __init__(self, c, dilation):
        super().__init__()
        self.dilation, dim = dilation, c["channels"]
        self.past, self.now = nn.Conv1d(dim, 2 * dim, 1, bias=False), nn.Conv1d(dim, 2 * dim, 1)
        self.condition = nn.Conv1d(c["num_mels"], 2 * dim, 1, bias=False)
        self.skip, self.out = nn.Conv1d(dim, c["skip_channels"], 1), nn.Conv1d(dim, dim, 1)

    def forward(self, x, before, mel):
        """x [B, C, T], what was `dilation` samples before each [B, C, T], mel [B, M, T] -> next layer's x, skip"""
        a, b = (self.now(x) + self.past(before) + self.condition(mel)).chunk(2, 1)
        y = a.tanh() * b.sigmoid()
        return x + self.out(y), self.skip(y)


class Generator(nn.Module):
    """log-mel [B, M, T] -> waveform [B, 1, T * hop], drawn sample by sample; `logits` is what it is trained by."""

    def __init__(self, config):
        super().__init__()
        self.config, self.hop, self.classes = config, int(np.prod(config["upsample_scales"])), config["classes"]
        if self.hop != config["hop_size"]:
            raise ValueError(
                f"upsample_scales make {self.hop} samples of a frame, but hop_size is {config['hop_size']}"
            )
        dim, n_mels = config["channels"], config["num_mels"]
        stretched = lambda s: upsampling(n_mels, n_mels, s + 2 * (s // 2), s)  # T -> T * s
        self.upsample = nn.Sequential(*(stretched(s) for s in config["upsample_scales"]))
        self.first = nn.Embedding(self.classes, dim)
        each = config["layers"] // config["stacks"]
        self.layers = nn.ModuleList(Layer(config, 2 ** (n % each)) for n in range(config["layers"]))
        skip = config["skip_channels"]
        self.last = nn.Sequential(nn.ReLU(), conv(skip, skip, 1), nn.ReLU(), conv(skip, self.classes, 1))

    @property
    def receptive_field(self):
        """Samples before the one that is said that have a say in it"""
        return sum(layer.dilation for layer in self.layers) + 1

    def logits(self, codes, mel):
        """codes [B, T * hop] of all samples -> logits of each, given those before it [B, classes, T * hop]"""
        silence = encode(torch.zeros(()), self.classes)
        x = self.first(F.pad(codes, (1, -1), value=int(silence))).transpose(1, 2)
        mel, skips = self.upsample(mel), 0.0
        for layer in self.layers:
            x, skip = layer(x, F.pad(x, (layer.dilation, 0))[..., : x.shape[-1]], mel)
            skips = skips + skip
        return self.last(skips / len(self.layers) ** 0.5)

    def begin(self, batch):
        """The state before the first sample: of each layer what it has seen last, a ring [B, C, dilation]"""
        device = self.first.weight.device
        return [torch.zeros(batch, self.config["channels"], layer.dilation, device=device) for layer in self.layers]

    def step(self, code, mel, state, n):
        """The code before [B], mel of this sample [B, M] and state (changed in place) -> logits [B, classes] of sample
        n"""
        x, mel, skips = self.first(code)[..., None], mel[..., None], 0.0
        for layer, ring in zip(self.layers, state):
            at = n % layer.dilation
            before = ring[..., at : at + 1].clone()
            ring[..., at] = x[..., 0]
            x, skip = layer(x, before, mel)
            skips = skips + skip
        return self.last(skips / len(self.layers) ** 0.5)[..., 0]

    @torch.no_grad()
    def speak(self, mel, noise):
        """mel [B, M, T]; noise [B, T * hop] in [0, 1): where in the distribution of its value each sample lies -> codes
        [B, T * hop], and the noise in the middle of what says the same"""
        mel = self.upsample(mel)
        state, codes, centres = self.begin(len(mel)), [], []
        code = encode(torch.zeros(len(mel), device=mel.device), self.classes)
        for n in range(mel.shape[-1]):
            up_to = self.step(code, mel[..., n], state, n).softmax(-1).cumsum(-1)
            code = (up_to <= noise[:, n : n + 1]).sum(-1).clamp(max=self.classes - 1)
            codes.append(code)
            bounds = F.pad(up_to, (1, 0)).gather(1, torch.stack([code, code + 1], 1))
            centres.append(bounds.mean(1))
        return torch.stack(codes, 1), torch.stack(centres, 1)

    def forward(self, mel, noise=None):
        if noise is None:
            noise = torch.rand(len(mel), mel.shape[-1] * self.hop, device=mel.device)
        return decode(self.speak(mel, noise)[0], self.classes)[:, None]


def negative_log_likelihood(generator, mel, wave):
    """Nats of each sample of `wave` [B, S], given those before it: log(classes) before anything is learned"""
    codes = encode(wave, generator.classes)
    return F.cross_entropy(generator.logits(codes, mel), codes)


@torch.no_grad()
def parity(generator, front_end, wave):
    """-> inputs and outputs as a parity case names them, of a waveform [1, S]; its noise is such that rounding makes no
    other sample of it"""
    mel = front_end(wave)
    codes, noise = generator.speak(mel, torch.rand_like(wave))
    return dict(wave=wave, mel=mel, noise=noise[:, None], audio=decode(codes, generator.classes)[:, None])
