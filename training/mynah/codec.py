"""Mynah's codec: log-mel -> ConvNeXt encoder -> residual vector quantizer -> ConvNeXt decoder -> magnitude and phase ->
iSTFT (a Vocos head).

Everything runs at 40 Hz frames (the last blocks, `upsampled`, at 80 Hz). RVQ: SoundStream, arXiv:2107.03312; ConvNeXt +
iSTFT head: Vocos, arXiv:2306.00814.
Phases that go on from frame to frame are what such a head learns last. So the decoder also predicts the pitch, and what
is voiced is harmonics of it, each a lobe in its STFT frame,
that it shapes in magnitude and phase (a source and a filter, as in arXiv:1904.12088, but in the STFT); magnitude and
phase of the Vocos head are added to them.
"""

import math
import torch, torch.nn.functional as F
from torch import nn
from data.corpus import RATE

SMALL = dict(
    n_input=160,
    encoder_dim=256,
    encoder_layers=8,
    latent_dim=64,
    codebooks=8,
    codebook_size=1024,
    decoder_dim=384,
    decoder_layers=8,
    upsampled_dim=256,
    upsampled_layers=12,
    n_fft=1200,
    hop=300,
)
LARGE = dict(SMALL, encoder_dim=512, decoder_dim=512, decoder_layers=12, upsampled_dim=512)
TINY = dict(
    SMALL,
    encoder_dim=16,
    encoder_layers=1,
    latent_dim=8,
    codebooks=3,
    codebook_size=16,
    decoder_dim=16,
    decoder_layers=1,
    upsampled_dim=16,
    upsampled_layers=1,
)

ENCODER = (
    "encoder.",
    "to_latent.",
    "rvq.",
)  # how the names of the half begin that gives codes their meaning; the other half is the decoder


class ConvNeXt(nn.Module):
    """[B, C, T] -> same: depthwise k7, channels-last LN (or one that takes a condition), C -> 3C -> C with GELU, layer
    scale, residual."""

    def __init__(self, dim, scale, wide=None, norm=None):
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.norm = norm or nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, wide or 3 * dim)
        self.pwconv2 = nn.Linear(wide or 3 * dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), scale))

    def forward(self, x, *condition):
        y = self.norm(self.dwconv(x).transpose(1, 2), *condition)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.transpose(1, 2)


class Stack(nn.Module):
    """Conv k7 in -> LN -> ConvNeXt blocks -> LN: the Vocos backbone."""

    def __init__(self, n_in, dim, layers):
        super().__init__()
        self.embed = nn.Conv1d(n_in, dim, 7, padding=3)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.convnext = nn.ModuleList(ConvNeXt(dim, 1 / layers) for _ in range(layers))
        self.final_layer_norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, x):
        x = self.norm(self.embed(x).transpose(1, 2)).transpose(1, 2)
        for block in self.convnext:
            x = block(x)
        return self.final_layer_norm(x.transpose(1, 2)).transpose(1, 2)


class Rvq(nn.Module):
    """Residual vector quantizer with EMA codebooks [K, N, D], k-means start and dead-code replacement."""

    def __init__(self, codebooks, size, dim):
        super().__init__()
        self.register_buffer("codebook", torch.zeros(codebooks, size, dim))
        self.register_buffer("ema_sum", torch.zeros(codebooks, size, dim))
        self.register_buffer("ema_count", torch.zeros(codebooks, size))
        self.register_buffer("ready", torch.zeros(1))

    def nearest(self, k, r):
        """[N, D] -> [N] index of the closest codeword of codebook k"""
        e = self.codebook[k]
        return (2 * r @ e.T - (e * e).sum(1)).argmax(1)

    @torch.no_grad()
    def start(self, z, iterations=15):
        """k-means on [N, D] latents, one codebook after the other on the residual."""
        r = z.clone()
        for k in range(len(self.codebook)):
            size = self.codebook.shape[1]
            self.codebook[k] = r[
                torch.randperm(len(r)).repeat(-(-size // len(r)))[:size]
            ]  # fewer latents than codewords: some twice
            for _ in range(iterations):
                idx = self.nearest(k, r)
                count = torch.bincount(idx, minlength=size).float()
                total = torch.zeros_like(self.codebook[k]).index_add_(0, idx, r)
                mean = total / count.clamp(min=1)[:, None]
                empty = count == 0
                mean[empty] = r[torch.randint(len(r), (int(empty.sum()),))]
                self.codebook[k] = mean
            self.ema_count[k] = 1.0
            self.ema_sum[k] = self.codebook[k]
            r = r - self.codebook[k][self.nearest(k, r)]
        self.ready.fill_(1)

    def encode(self, z):
        """[B, D, T] -> codes [B, K, T]"""
        b, d, t = z.shape
        r = z.transpose(1, 2).reshape(-1, d)
        codes = []
        for k in range(len(self.codebook)):
            idx = self.nearest(k, r)
            r = r - self.codebook[k][idx]
            codes.append(idx.view(b, t))
        return torch.stack(codes, 1)

    def decode(self, codes):
        """[B, K', T] -> [B, D, T]"""
        return sum(self.codebook[k][codes[:, k]] for k in range(codes.shape[1])).transpose(1, 2)

    def forward(self, z, levels, step):
        """Training: z [B, D, T], levels [B] codebooks kept per item -> (quantized with straight-through, first level
        alone, commitment loss)."""
        b, d, t = z.shape
        flat = z.transpose(1, 2).reshape(-1, d)
        r, total, commitment, first = flat.detach(), torch.zeros_like(flat), 0.0, None
        keep = levels.repeat_interleave(t)
        for k in range(len(self.codebook)):
            idx = self.nearest(k, r)
            with torch.no_grad():
                one = torch.zeros(self.codebook.shape[1], device=z.device).index_add_(
                    0, idx, torch.ones_like(idx, dtype=torch.float)
                )
                sums = torch.zeros_like(self.codebook[k]).index_add_(0, idx, r)
                self.ema_count[k].mul_(0.99).add_(one, alpha=0.01)
                self.ema_sum[k].mul_(0.99).add_(sums, alpha=0.01)
                if step % 20 == 0:
                    dead = self.ema_count[k] < 0.05 * self.ema_count[k].mean()
                    n = int(dead.sum())
                    if n:
                        self.ema_sum[k][dead] = (
                            r[torch.randint(len(r), (n,), device=r.device)] * self.ema_count[k].mean()
                        )
                        self.ema_count[k][dead] = self.ema_count[k].mean()
                q = self.codebook[k][idx]
            used = (k < keep).float()[:, None]
            commitment = commitment + (((flat - total.detach()) - q).pow(2) * used).mean()
            total = total + q * used
            if k == 0:
                first = flat + (q - flat).detach()
            r = r - q
            self.codebook[k] = self.ema_sum[k] / self.ema_count[k].clamp(min=1e-6)[:, None]
        out = flat + (total - flat).detach()
        shape = lambda x: x.view(b, t, d).transpose(1, 2)
        return shape(out), shape(first), commitment


class Codec(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = c = config
        self.encoder = Stack(c["n_input"], c["encoder_dim"], c["encoder_layers"])
        self.to_latent = nn.Linear(c["encoder_dim"], c["latent_dim"])
        self.rvq = Rvq(c["codebooks"], c["codebook_size"], c["latent_dim"])
        self.decoder = Stack(c["latent_dim"], c["decoder_dim"], c["decoder_layers"])
        self.upsample = nn.Linear(c["decoder_dim"], 2 * c["upsampled_dim"])
        self.upsampled = nn.ModuleList(ConvNeXt(c["upsampled_dim"], 0.5) for _ in range(c["upsampled_layers"]))
        self.head_norm = nn.LayerNorm(c["upsampled_dim"], eps=1e-6)
        self.pitch = nn.Sequential(nn.Linear(c["upsampled_dim"], 64), nn.GELU(), nn.Linear(64, 1))
        self.comb = nn.Linear(c["n_fft"] // 2 + 1, c["upsampled_dim"])  # where the harmonics lie
        self.head = nn.Linear(c["upsampled_dim"], c["n_fft"] + 2)
        self.harmonic_head = nn.Linear(c["upsampled_dim"], c["n_fft"] + 2)
        self.register_buffer("window", torch.hann_window(c["n_fft"]), persistent=False)

    def encode(self, features):
        """[B, 160, T] log-mel -> latent [B, D, T]"""
        x = (features + 5.0) / 3.0
        return self.to_latent(self.encoder(x).transpose(1, 2)).transpose(1, 2)

    def decode(self, z):
        """latent [B, D, T] -> waveform [B, T * 600]"""
        noise, voiced, pitch, _ = self.spectra(z)
        return self.synthesize(noise, voiced, pitch)

    def spectra(self, z, known=None):
        """latent [B, D, T] -> log-magnitude and phase of noise and of harmonics, each [B, 2 T, n_fft + 2]; the pitch in
        Hz [B, 2 T] of these harmonics, and the predicted one.
        known [B, 2 T]: the true pitch, 0 where it is not known."""
        x = self.upsample(self.decoder(z).transpose(1, 2))  # [B, T, 2C]
        b, t, c = x.shape
        x = x.view(b, t * 2, c // 2)
        predicted = TYPICAL_PITCH * torch.exp(PITCH_RANGE * torch.tanh(self.pitch(x)[..., 0].float()))
        pitch = predicted.detach() if known is None else torch.where(known > 0, known, predicted.detach())
        x = (x + self.comb(harmonics(pitch, self.config)[0])).transpose(1, 2)
        for block in self.upsampled:
            x = block(x)
        x = self.head_norm(x.transpose(1, 2))
        return self.head(x), self.harmonic_head(x), pitch, predicted

    def synthesize(self, noise, voiced, pitch):
        """Log-magnitudes and phases [B, 2 T, n_fft + 2] and pitch in Hz [B, 2 T] -> waveform [B, T * 600]"""
        lobes, phases = harmonics(pitch, self.config)
        (noise, noise_phases), (voiced, voiced_phases) = noise.float().chunk(2, -1), voiced.float().chunk(2, -1)
        spectrum = torch.polar(noise.exp().clamp(max=100.0), noise_phases) + torch.polar(
            voiced.exp().clamp(max=100.0) * lobes, voiced_phases + phases
        )
        return istft_same(spectrum.transpose(1, 2), self.window, self.config["hop"])


TYPICAL_PITCH, PITCH_RANGE = 175.0, math.log(3.3)  # Hz; 53 to 578 Hz


def harmonics(pitch, config):
    """Pitch in Hz [B, T] -> the STFT of its harmonics, all of amplitude 1 and in phase at the beginning: magnitudes and
    phases [B, T, n_fft / 2 + 1]. A bin sees the harmonic that is nearest."""
    width = RATE / config["n_fft"]
    bins = torch.arange(config["n_fft"] // 2 + 1, device=pitch.device)
    cycles = pitch * (config["hop"] / RATE)
    cycles = (cycles - cycles.floor()).cumsum(1) - cycles / 2  # at the centres of the frames, but for whole ones
    number = (bins * width / pitch[..., None]).round().clamp(min=1)
    distance = (bins - number * pitch[..., None] / width).abs()
    lobes = torch.cos(distance.clamp(max=2) * (math.pi / 4)).square()  # of a Hann window, nearly
    turns = number * cycles[..., None]
    return lobes, 2 * math.pi * (turns - turns.floor() + 0.5 * (bins % 2))


def istft_same(spec, window, hop):
    """[B, F, T] complex -> [B, T * hop]: overlap-add, divided by the summed squared window, (n_fft - hop) / 2 trimmed
    at both ends."""
    n = len(window)
    frames = torch.fft.irfft(spec, n, dim=1, norm="backward") * window[None, :, None]
    t = frames.shape[2]
    length = (t - 1) * hop + n
    fold = lambda x: F.fold(x, (1, length), (1, n), stride=(1, hop))[:, 0, 0]
    y, envelope = fold(frames), fold((window**2)[None, :, None].expand(1, n, t))
    trim = (n - hop) // 2
    return y[:, trim:-trim] / envelope[:, trim:-trim]
