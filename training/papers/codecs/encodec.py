"""EnCodec, arXiv:2210.13438. State dict: facebookresearch/encodec; config: the constructor's values (published files
carry none)."""

import random
import torch, torch.nn.functional as F
from torch import nn
from papers import losses
from papers.discriminators import MultiScaleStftDiscriminator
from papers.vocoders.layers import normed

ARCH, CHECKPOINT = "encodec", "encodec_{step:08d}.th"

ENCODEC_24K = dict(
    sample_rate=24000,
    channels=1,
    causal=True,
    norm="weight_norm",
    normalize=False,
    segment=None,
    target_bandwidths=[1.5, 3, 6, 12, 24],
    n_filters=32,
    dimension=128,
    ratios=[8, 5, 4, 2],
    lstm=2,
    n_q=32,
    bins=1024,
    n_residual_layers=1,
    residual_kernel_size=3,
    dilation_base=2,
)
SMALL = dict(ENCODEC_24K, n_filters=16, target_bandwidths=[1.5, 3, 6], n_q=8)
FAST = dict(batch_size=4, learning_rate=3e-3)  # of training, of which published configs say nothing
TINY = (
    dict(ENCODEC_24K, n_filters=2, dimension=8, n_q=8, target_bandwidths=[1.5, 6]) | FAST
)  # VALL-E tiny reads its codes
ENCODEC_48K = dict(
    ENCODEC_24K,
    sample_rate=48000,
    channels=2,
    causal=False,
    norm="time_group_norm",
    normalize=True,
    segment=1.0,
    target_bandwidths=[3, 6, 12, 24],
    n_q=16,
)
TINY_48K = dict(ENCODEC_48K, n_filters=2, dimension=8, n_q=4, bins=16, target_bandwidths=[1.2, 2.4]) | FAST
PRESETS = {"24khz": ENCODEC_24K, "48khz": ENCODEC_48K, "small": SMALL, "tiny": TINY, "tiny-48khz": TINY_48K}


def reflected(x, left, right):
    """Reflection; of audio shorter than it, with zeros appended first and as much cut off after."""
    extra = max(0, max(left, right) + 1 - x.shape[-1])
    y = F.pad(F.pad(x, (0, extra)), (left, right), mode="reflect")
    return y[..., : y.shape[-1] - extra]


class Wrapped(nn.Module):
    """A convolution as the published files name it, `conv.conv.weight_g …` or `conv.conv.weight` and
    `conv.norm.weight`:
    under weight norm, or followed by a group norm over channels and time (48 kHz)."""

    def __init__(self, name, layer, norm):
        super().__init__()
        self.name = name
        setattr(self, name, normed(layer) if norm == "weight_norm" else layer)
        self.norm = nn.Identity() if norm == "weight_norm" else nn.GroupNorm(1, layer.out_channels)

    def forward(self, x):
        return self.norm(getattr(self, self.name)(x))


class Conv(nn.Module):
    """Conv1d whose last window is full: T -> ceil(T / stride). Causal: all padding on the left, but what fills the last
    window."""

    def __init__(self, c, n_in, n_out, kernel, stride=1, dilation=1):
        super().__init__()
        self.conv = Wrapped("conv", nn.Conv1d(n_in, n_out, kernel, stride, dilation=dilation), c["norm"])
        self.stride, self.total, self.causal = stride, (kernel - 1) * dilation + 1 - stride, c["causal"]

    def forward(self, x):
        extra = -x.shape[-1] % self.stride
        right = 0 if self.causal else self.total // 2
        return self.conv(reflected(x, self.total - right, right + extra))


class ConvTranspose(nn.Module):
    """T -> T * stride: what overlaps the ends is trimmed."""

    def __init__(self, c, n_in, n_out, stride):
        super().__init__()
        self.convtr = Wrapped("convtr", nn.ConvTranspose1d(n_in, n_out, 2 * stride, stride), c["norm"])
        self.left = 0 if c["causal"] else stride - stride // 2
        self.right = stride - self.left

    def forward(self, x):
        return self.convtr(x)[..., self.left : -self.right]


class ResidualUnit(nn.Module):
    def __init__(self, c, dim, dilation):
        super().__init__()
        wide = Conv(c, dim, dim // 2, c["residual_kernel_size"], dilation=dilation)
        self.block = nn.Sequential(nn.ELU(), wide, nn.ELU(), Conv(c, dim // 2, dim, 1))
        self.shortcut = Conv(c, dim, dim, 1)

    def forward(self, x):
        return self.shortcut(x) + self.block(x)


class SkipLstm(nn.Module):
    def __init__(self, dim, layers):
        super().__init__()
        self.lstm = nn.LSTM(dim, dim, layers)

    def forward(self, x):
        frames = x.permute(2, 0, 1)
        return (self.lstm(frames)[0] + frames).permute(1, 2, 0)


class Network(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


def units(c, dim):
    return [ResidualUnit(c, dim, c["dilation_base"] ** j) for j in range(c["n_residual_layers"])]


def encoder(c):
    dim = c["n_filters"]
    layers = [Conv(c, c["channels"], dim, 7)]
    for ratio in reversed(c["ratios"]):
        layers += [*units(c, dim), nn.ELU(), Conv(c, dim, 2 * dim, 2 * ratio, ratio)]
        dim *= 2
    return Network([*layers, *lstm(c, dim), nn.ELU(), Conv(c, dim, c["dimension"], 7)])


def decoder(c):
    dim = c["n_filters"] * 2 ** len(c["ratios"])
    layers = [Conv(c, c["dimension"], dim, 7), *lstm(c, dim)]
    for ratio in c["ratios"]:
        layers += [nn.ELU(), ConvTranspose(c, dim, dim // 2, ratio), *units(c, dim // 2)]
        dim //= 2
    return Network([*layers, nn.ELU(), Conv(c, dim, c["channels"], 7)])


def lstm(c, dim):
    return [SkipLstm(dim, c["lstm"])] if c["lstm"] else []


class Codebook(nn.Module):
    """Codewords [bins, D] as running means of what they stand for: started by k-means, dead ones replaced by vectors of
    the batch."""

    def __init__(self, bins, dim, decay=0.99, dead_below=2):
        super().__init__()
        self.decay, self.dead_below = decay, dead_below
        self.register_buffer("inited", torch.zeros(1))
        self.register_buffer("cluster_size", torch.zeros(bins))
        self.register_buffer("embed", torch.randn(bins, dim) / dim**0.5)
        self.register_buffer("embed_avg", torch.zeros(bins, dim))

    def nearest(self, x):
        """[N, D] -> [N]"""
        return (2 * x @ self.embed.T - self.embed.square().sum(1)).argmax(1)

    def tally(self, x, codes):
        """-> members and their sum, of each codeword"""
        return torch.bincount(codes, minlength=len(self.embed)).to(x.dtype), torch.zeros_like(self.embed).index_add_(
            0, codes, x
        )

    def start(self, x, iterations=50):
        draw = lambda n: x[torch.randint(len(x), (n,), device=x.device)]
        self.embed.copy_(draw(len(self.embed)) + 1e-4 * torch.randn_like(self.embed))
        for _ in range(iterations):
            count, total = self.tally(x, self.nearest(x))
            self.embed.copy_(torch.where(count[:, None] > 0, total / count.clamp(min=1)[:, None], self.embed))
        count, _ = self.tally(x, self.nearest(x))
        self.cluster_size.copy_(count), self.embed_avg.copy_(self.embed * count[:, None]), self.inited.fill_(1)

    @torch.no_grad()
    def learn(self, x, codes):
        dead = self.cluster_size < self.dead_below
        count, total = self.tally(x, codes)
        self.cluster_size.lerp_(count, 1 - self.decay), self.embed_avg.lerp_(total, 1 - self.decay)
        n, bins = self.cluster_size.sum(), len(self.embed)
        smoothed = (self.cluster_size + 1e-5) / (n + bins * 1e-5) * n
        self.embed.copy_(self.embed_avg / smoothed[:, None])
        if dead.any():
            fresh = x[torch.randint(len(x), (int(dead.sum()),), device=x.device)]
            self.embed[dead] = fresh
            self.cluster_size[dead], self.embed_avg[dead] = float(self.dead_below), fresh * self.dead_below


class Quantizer(nn.Module):
    def __init__(self, codebooks, bins, dim):
        super().__init__()
        self.vq = nn.Module()
        self.vq.layers = nn.ModuleList(nn.Module() for _ in range(codebooks))
        for layer in self.vq.layers:
            layer._codebook = Codebook(bins, dim)

    @property
    def codebooks(self):
        return [layer._codebook for layer in self.vq.layers]

    def encode(self, z, levels):
        """[B, D, T] -> [B, levels, T]"""
        b, d, t = z.shape
        r, codes = z.transpose(1, 2).reshape(-1, d), []
        for book in self.codebooks[:levels]:
            codes.append(book.nearest(r))
            r = r - book.embed[codes[-1]]
        return torch.stack(codes).view(levels, b, t).transpose(0, 1)

    def decode(self, codes):
        """[B, K, T] -> [B, D, T]"""
        return sum(book.embed[codes[:, k]] for k, book in enumerate(self.codebooks[: codes.shape[1]])).transpose(1, 2)

    def forward(self, z, levels):
        """Training: -> quantized with straight-through gradient, commitment loss (mean over levels; each sees the
        detached sum of those before it)."""
        b, d, t = z.shape
        flat = z.transpose(1, 2).reshape(-1, d)
        total, commitment = torch.zeros_like(flat), 0.0
        for book in self.codebooks[:levels]:
            r = flat - total
            if not book.inited:
                book.start(r.detach())
            codes = book.nearest(r.detach())
            q = book.embed[codes].clone()
            book.learn(r.detach(), codes)
            commitment, total = commitment + F.mse_loss(r, q), total + q
        return (flat + (total - flat).detach()).view(b, t, d).transpose(1, 2), commitment / levels


class Codec(nn.Module):
    """waveform [B, C, S] <-> codes [B, K, T]"""

    def __init__(self, config):
        super().__init__()
        self.config, self.hop = config, int(torch.tensor(config["ratios"]).prod())
        self.encoder, self.decoder = encoder(config), decoder(config)
        self.quantizer = Quantizer(config["n_q"], config["bins"], config["dimension"])

    def levels(self, kbps):
        frame_rate = -(-self.config["sample_rate"] // self.hop)
        return max(1, int(kbps * 1000 // ((self.config["bins"] - 1).bit_length() * frame_rate)))

    def normalized(self, wave):
        """-> the waveform over the root of its mean power, where the config asks for it, and that root [B, 1]"""
        if not self.config["normalize"]:
            return wave, torch.ones(len(wave), 1, device=wave.device)
        scale = (wave.mean(1).square().mean(1, keepdim=True) + 1e-8).sqrt()
        return wave / scale[..., None], scale

    def encode(self, wave, kbps):
        return self.quantizer.encode(self.encoder(wave), self.levels(kbps))

    def decode(self, codes):
        return self.decoder(self.quantizer.decode(codes))


class Balancer:
    """Makes every loss push the output as hard as its weight says, whatever the size of its gradient: each is scaled by
    a running mean of its own norm."""

    def __init__(self, weights, decay=0.999):
        self.weights, self.decay, self.norms = weights, decay, {}

    def backward(self, losses, output, *others):
        """losses: by name; output: what they are functions of; others: losses that are not balanced. Accumulates
        gradients below them."""
        gradient = torch.zeros_like(output)
        share = sum(self.weights[k] for k in losses)
        for name, loss in losses.items():
            g = torch.autograd.grad(loss, output, retain_graph=True)[0]
            norm = g.flatten(1).norm(dim=1).mean()
            total, weight = self.norms.get(name, (0.0, 0.0))
            total, weight = self.decay * total + float(norm), self.decay * weight + 1.0
            self.norms[name] = total, weight
            gradient += self.weights[name] / share * g / (total / weight + 1e-12)
        torch.autograd.backward([output, *others], [gradient, *map(torch.ones_like, others)])


class Recipe:
    """Hinge loss and relative feature matching under discriminators of the complex STFT, L1 of the waveform, mels at
    seven scales; all balanced, the commitment beside."""

    segment, batch, rate = 1.0, 64, 3e-4  # seconds, pieces, learning rate

    def __init__(self, config):
        self.config = config
        self.discriminators = nn.ModuleDict(
            dict(msstftd=MultiScaleStftDiscriminator(channels=max(2, config["n_filters"]), inputs=config["channels"]))
        )
        self.balancer = Balancer(dict(wave=0.1, mel=2, adversarial=4, matching=4))

    def levels(self, codec):
        """Codebooks of this batch: one of the bandwidths."""
        return codec.levels(random.choice(self.config["target_bandwidths"]))

    def judged(self):
        """Whether the discriminators learn in this step: too good ones teach nothing."""
        return random.random() < (2 / 3 if self.config["sample_rate"] < 48000 else 1 / 2)

    def hear(self, x):
        """[B, C, S]"""
        return [heard for discriminator in self.discriminators.values() for heard in discriminator(x)]

    def judge(self, real, fake):
        return losses.hinge_discriminator(real, fake)

    def fool(self, real, fake):
        return {"adversarial": losses.hinge_generator(fake), "matching": losses.feature_matching(real, fake)}

    def reconstruct(self, fake, real):
        mel = losses.balanced_mel(fake.flatten(0, 1), real.flatten(0, 1), self.config["sample_rate"])
        return {"wave": F.l1_loss(fake, real), "mel": mel}

    def backward(self, terms, output, commitment):
        self.balancer.backward(terms, output, commitment)
