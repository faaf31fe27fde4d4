"""Published neural codecs in plain PyTorch eager, with the published state dicts: what `pnpm bench codecs` runs beside Mynah.

Layer names give the state dict its spelling, so each class mirrors the reference's nesting. Weight norm is added for the checkpoint and removed for speed.
"""
import math
import torch, torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm as parametrized_norm
from papers.vocoders.layers import normed


class Sum(nn.Module):
    """A bag of named children; the reference wraps each convolution in several."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)


class PaddedConv(Sum):
    """EnCodec's causal convolution: reflected on the left, and on the right what completes the last window."""

    def __init__(self, n_in, n_out, kernel, stride=1):
        super().__init__(conv=Sum(conv=normed(nn.Conv1d(n_in, n_out, kernel, stride))))
        self.left, self.stride = kernel - stride, stride

    def forward(self, x):
        return self.conv.conv(F.pad(x, (self.left, -x.shape[-1] % self.stride), mode="reflect") if self.left else x)


class TrimmedConvTranspose(Sum):
    """EnCodec's causal transposed convolution: what overlaps the next frame is cut."""

    def __init__(self, n_in, n_out, kernel, stride):
        super().__init__(convtr=Sum(convtr=normed(nn.ConvTranspose1d(n_in, n_out, kernel, stride))))
        self.right = kernel - stride

    def forward(self, x):
        return self.convtr.convtr(x)[..., : -self.right]


class ResidualUnit(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.block = nn.Sequential(nn.ELU(), PaddedConv(dim, dim // 2, 3), nn.ELU(), PaddedConv(dim // 2, dim, 1))
        self.shortcut = PaddedConv(dim, dim, 1)

    def forward(self, x):
        return self.shortcut(x) + self.block(x)


class SkipLstm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.lstm = nn.LSTM(dim, dim, 2)

    def forward(self, x):
        x = x.permute(2, 0, 1)
        return (self.lstm(x)[0] + x).permute(1, 2, 0)


class Encodec(nn.Module):
    """EnCodec 24 kHz, arXiv:2210.13438. State dict: facebookresearch/encodec (encodec_24khz-d7cc33bc.th)."""

    rate, hop, bins, levels, ratios = 24000, 320, 1024, 8, (8, 5, 4, 2)  # 8 levels are 6 kbps
    strides, noise_strides, config = [1] * 8, [], None

    def __init__(self, filters=32, dim=128, codebooks=32, bins=1024):
        super().__init__()
        wide = filters * 16
        up, down, width = [PaddedConv(dim, wide, 7), SkipLstm(wide)], [PaddedConv(1, filters, 7)], wide
        for r in self.ratios:
            up += [nn.ELU(), TrimmedConvTranspose(width, width // 2, 2 * r, r), ResidualUnit(width // 2)]
            width //= 2
        for r in reversed(self.ratios):
            down += [ResidualUnit(width), nn.ELU(), PaddedConv(width, 2 * width, 2 * r, r)]
            width *= 2
        self.encoder = Sum(model=nn.Sequential(*down, SkipLstm(wide), nn.ELU(), PaddedConv(wide, dim, 7)))
        self.decoder = Sum(model=nn.Sequential(*up, nn.ELU(), PaddedConv(filters, 1, 7)))
        self.quantizer = Sum(vq=Sum(layers=nn.ModuleList(Sum(_codebook=nn.Module()) for _ in range(codebooks))))
        for layer in self.quantizer.vq.layers:
            layer._codebook.register_buffer("embed", torch.randn(bins, dim) * 0.1)

    def latents(self, wave):
        return self.encoder.model(wave)

    def encode(self, wave, levels):
        residual, codes = self.latents(wave)[0].T, []
        for layer in self.quantizer.vq.layers[:levels]:
            e = layer._codebook.embed
            codes.append((2 * residual @ e.T - e.pow(2).sum(1)).argmax(1))
            residual = residual - e[codes[-1]]
        return torch.stack(codes)

    def decode(self, codes, noise=()):
        words = sum(layer._codebook.embed[row] for layer, row in zip(self.quantizer.vq.layers, codes))
        return self.decoder.model(words.T[None])


class Snake(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, dim, 1))

    def forward(self, x):
        return x + (self.alpha * x).sin().pow(2) / (self.alpha + 1e-9)


class Residual(nn.Module):
    """Snake, dilated convolution (depthwise in SNAC), Snake, 1 x 1."""

    def __init__(self, norm, dim, dilation, groups):
        super().__init__()
        self.block = nn.Sequential(Snake(dim), norm(nn.Conv1d(dim, dim, 7, dilation=dilation, padding=3 * dilation, groups=groups)), Snake(dim), norm(nn.Conv1d(dim, dim, 1)))

    def forward(self, x):
        return x + self.block(x)


class Noise(nn.Module):
    """SNAC's: adds noise whose loudness the features tell."""

    def __init__(self, norm, dim):
        super().__init__()
        self.linear, self.noise = norm(nn.Conv1d(dim, dim, 1, bias=False)), None

    def forward(self, x):
        return x if self.noise is None else x + self.noise * self.linear(x)


def analysis_block(norm, dim, stride, depthwise):
    units = [Residual(norm, dim // 2, d, dim // 2 if depthwise else 1) for d in (1, 3, 9)]
    return Sum(block=nn.Sequential(*units, Snake(dim // 2), norm(nn.Conv1d(dim // 2, dim, 2 * stride, stride, math.ceil(stride / 2)))))


def synthesis_block(norm, dim, stride, depthwise):
    half = dim // 2
    up = norm(nn.ConvTranspose1d(dim, half, 2 * stride, stride, math.ceil(stride / 2), stride % 2 if depthwise else 0))
    units = [Residual(norm, half, d, half if depthwise else 1) for d in (1, 3, 9)]
    return Sum(block=nn.Sequential(Snake(dim), up, *([Noise(norm, half)] if depthwise else []), *units))


class FactorizedCodec(nn.Module):
    """What DAC and SNAC share: Snake networks around quantizers that look up in a few dimensions."""

    def __init__(self, norm, latent, codebook_size, strides, bins_dim=8):
        super().__init__()
        self.quantizer = Sum(quantizers=nn.ModuleList(
            Sum(in_proj=norm(nn.Conv1d(latent, bins_dim, 1)), out_proj=norm(nn.Conv1d(bins_dim, latent, 1)), codebook=nn.Embedding(codebook_size, bins_dim)) for _ in strides))
        self.strides = strides

    def run(self, network, x):
        for layer in network:
            for inner in layer.block if hasattr(layer, "block") else [layer]:
                x = inner(x)
        return x

    def latents(self, wave):
        return self.run(self.encoder.block, wave)

    def encode(self, wave, levels):
        residual, codes = self.latents(wave), []
        for q, stride in list(zip(self.quantizer.quantizers, self.strides))[:levels]:
            rows = q.in_proj(F.avg_pool1d(residual, stride, stride) if stride > 1 else residual)[0].T
            code = (F.normalize(rows) @ F.normalize(q.codebook.weight).T).argmax(1)
            codes.append(code.repeat_interleave(stride))
            residual = residual - q.out_proj(q.codebook(code).T[None]).repeat_interleave(stride, -1)
        return torch.stack(codes)

    def decode(self, codes, noise=()):
        blocks = [m for m in self.decoder.modules() if isinstance(m, Noise)]
        for block, n in zip(blocks, noise):
            block.noise = n
        words = sum(q.out_proj(q.codebook(row[::s]).T[None]).repeat_interleave(s, -1) for q, s, row in zip(self.quantizer.quantizers, self.strides, codes))
        return self.run(self.decoder.model, words).tanh()


class Dac(FactorizedCodec):
    """DAC 44.1 kHz, arXiv:2306.06546. State dict: descriptinc/descript-audio-codec 0.0.1."""

    rate, hop, bins, levels, noise_strides = 44100, 512, 1024, 9, []

    def __init__(self, dim=64, rates=(2, 4, 8, 8), latent=1024, wide=1536, codebooks=9):
        super().__init__(normed, latent, 1024, [1] * codebooks)
        self.config = dict(encoder_dim=dim, encoder_rates=list(rates), latent_dim=latent, decoder_dim=wide, decoder_rates=list(rates[::-1]), n_codebooks=codebooks, codebook_size=1024, codebook_dim=8, sample_rate=self.rate)
        down, up = [normed(nn.Conv1d(1, dim, 7, padding=3))], [normed(nn.Conv1d(latent, wide, 7, padding=3))]
        for r in rates:
            dim *= 2
            down.append(analysis_block(normed, dim, r, False))
        for r in reversed(rates):
            up.append(synthesis_block(normed, wide, r, False))
            wide //= 2
        self.encoder = Sum(block=nn.Sequential(*down, Snake(dim), normed(nn.Conv1d(dim, latent, 3, padding=1))))
        self.decoder = Sum(model=nn.Sequential(*up, Snake(wide), normed(nn.Conv1d(wide, 1, 7, padding=3))))


class Snac(FactorizedCodec):
    """SNAC 24 kHz, arXiv:2410.14411. State dict: hubertsiuzdak/snac_24khz."""

    rate, hop, bins, levels, noise_strides = 24000, 512, 4096, 3, [8, 64, 256, 512]

    def __init__(self, dim=48, rates=(2, 4, 8, 8), wide=1024, strides=(4, 2, 1)):
        norm, latent = parametrized_norm, dim * 2 ** len(rates)
        super().__init__(norm, latent, 4096, strides)
        self.config = dict(sampling_rate=self.rate, encoder_dim=dim, encoder_rates=list(rates), decoder_dim=wide, decoder_rates=list(rates[::-1]), attn_window_size=None, codebook_size=4096, codebook_dim=8, vq_strides=list(strides), noise=True, depthwise=True)
        down = [norm(nn.Conv1d(1, dim, 7, padding=3))]
        up = [norm(nn.Conv1d(latent, latent, 7, padding=3, groups=latent)), norm(nn.Conv1d(latent, wide, 1))]
        for r in rates:
            dim *= 2
            down.append(analysis_block(norm, dim, r, True))
        for r in reversed(rates):
            up.append(synthesis_block(norm, wide, r, True))
            wide //= 2
        self.encoder = Sum(block=nn.Sequential(*down, norm(nn.Conv1d(dim, dim, 7, padding=3, groups=dim))))
        self.decoder = Sum(model=nn.Sequential(*up, Snake(wide), norm(nn.Conv1d(wide, 1, 7, padding=3))))
