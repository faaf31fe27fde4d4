"""Spectral and adversarial losses of the vocoder and codec papers, one function each."""

import math
import torch, torch.nn.functional as F
from data.mels import LogMel

_front_ends = {}


def front_end(device, *args, **options):
    key = (device, args, *options.items())
    if key not in _front_ends:
        _front_ends[key] = LogMel(*args, **options).to(device)
    return _front_ends[key]


def multi_scale_mel(x, y, rate, scales=((2048, 128), (1024, 80), (512, 48), (256, 24)), epsilon=1e-9):
    """Sum over scales of L1 between ln-mels of x and y [B, S], at a hop of a quarter window."""
    loss = 0.0
    for n_fft, n_mels in scales:
        mel = front_end(x.device, rate, n_fft, n_fft // 4, n_mels, epsilon=epsilon, center=True)
        a, b = (mel.energies(v).clamp(min=1e-5).log() for v in (x, y))
        loss = loss + F.l1_loss(a, b)
    return loss


def fine_mel(x, y, rate):
    """BigVGAN v2's and DAC's multi-scale mel: windows from 32 to 2048, 5 to 320 bands, log10."""
    return multi_scale_mel(x, y, rate, [(32 << n, 5 << n) for n in range(7)], 0.0) / math.log(10)


def power_mel(x, rate, size, n_mels, fmin=0.0):
    """[B, S] -> mel of the power [B, M, ceil(S / hop)] at a hop of a quarter window: HTK bands over a normalized STFT
    (divided by the root of the window's power)"""
    mel = front_end(x.device, rate, size, size // 4, n_mels, fmin=fmin, htk=True)
    pad = (size - size // 4) // 2
    x = F.pad(x[:, None], (pad, pad), "reflect")[:, 0]
    x = F.pad(x, (0, -(x.shape[-1] - size) % (size // 4)))  # so that the last window is full
    s = torch.stft(x, size, size // 4, size, mel.window, center=False, return_complex=True)
    return mel.filters @ (torch.view_as_real(s).square().sum(-1) / mel.window.square().sum())


def balanced_mel(x, y, rate, exponents=range(5, 12), n_mels=64, fmin=64.0):
    """EnCodec's: mean over scales of windows 2^5 to 2^11 of the L1 of mels plus the mean square of their log10, 64
    bands
    each. As in audiocraft, whose default leaves out the smallest and the largest window of the paper."""
    loss = 0.0
    for n in exponents:
        a, b = (power_mel(v, rate, 1 << n, n_mels, fmin) for v in (x, y))
        loss = loss + F.l1_loss(a, b) + F.mse_loss((a + 1e-5).log10(), (b + 1e-5).log10())
    return loss / (2 * len(exponents))


def soundstream_mel(x, y, rate, exponents=range(6, 12), n_mels=64):
    """SoundStream's: sum over windows s of 2^6 to 2^11 of the L1 of mels plus sqrt(s / 2) times the L2 of their
    logarithms,
    each the norm of a frame, mean over frames. (The paper sums over frames: there the weight grows with the length.)"""
    loss = 0.0
    for n in exponents:
        a, b = (power_mel(v, rate, 1 << n, n_mels) for v in (x, y))
        off = (a + 1e-5).log() - (b + 1e-5).log()
        norm = (off.square().sum(1) + 1e-12).sqrt()
        loss = loss + (a - b).abs().sum(1).mean() + math.sqrt((1 << n) / 2) * norm.mean()
    return loss


def spectral_convergence(x, y, resolutions=((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))):
    """Parallel WaveGAN's multi-resolution STFT loss: mean over (n_fft, hop, window) of spectral convergence plus the L1
    of log-magnitudes."""
    loss = 0.0
    for n_fft, hop, size in resolutions:
        window = torch.hann_window(size, device=x.device)
        stft = lambda v: torch.view_as_real(torch.stft(v, n_fft, hop, size, window, return_complex=True))
        a, b = (stft(v).square().sum(-1).clamp(min=1e-7).sqrt() for v in (x, y))
        loss = loss + torch.linalg.norm(b - a) / torch.linalg.norm(b) + F.l1_loss(a.log(), b.log())
    return loss / len(resolutions)


# What a discriminator and a generator minimize. All take what `discriminators` give, lists of (score map, features),
# and
# give means over sub-discriminators. In the first two a score is the logit of "this is real".


def over_scores(term, heard):
    return sum(term(score.float()).mean() for score, _ in heard) / len(heard)


def minimax_discriminator(real, fake):
    """The first GAN's (arXiv:1406.2661): -log D(x) - log(1 - D(G(z)))"""
    return over_scores(lambda r: F.softplus(-r), real) + over_scores(F.softplus, fake)


def minimax_generator(fake):
    """log(1 - D(G(z))): its gradient vanishes where the discriminator is sure that the fake is one."""
    return over_scores(lambda f: -F.softplus(f), fake)


non_saturating_discriminator = minimax_discriminator


def non_saturating_generator(fake):
    """-log D(G(z)): the same fixed point, but the gradient is largest where the discriminator is sure."""
    return over_scores(lambda f: F.softplus(-f), fake)


def lsgan_discriminator(real, fake):
    """Least squares (arXiv:1611.04076): real scores towards 1, fake ones towards 0"""
    return over_scores(lambda r: (1 - r).square(), real) + over_scores(torch.square, fake)


def lsgan_generator(fake):
    return over_scores(lambda f: (1 - f).square(), fake)


def hinge_discriminator(real, fake):
    """Real scores above 1, fake ones below -1; what is beyond teaches nothing."""
    return over_scores(lambda r: F.relu(1 - r), real) + over_scores(lambda f: F.relu(1 + f), fake)


def hinge_generator(fake):
    """SoundStream's, EnCodec's and Vocos'; MelGAN's is `linear_generator`."""
    return over_scores(lambda f: F.relu(1 - f), fake)


def linear_generator(fake):
    return over_scores(torch.neg, fake)


OBJECTIVES = dict(
    minimax=(minimax_discriminator, minimax_generator),
    non_saturating=(non_saturating_discriminator, non_saturating_generator),
    least_squares=(lsgan_discriminator, lsgan_generator),
    hinge=(hinge_discriminator, hinge_generator),
)


def feature_distances(real, fake):
    """-> the L1 between the features of each layer of each sub-discriminator, and the mean size of the real ones"""
    pairs = [pair for (_, a), (_, b) in zip(real, fake) for pair in zip(a, b)]
    return [(F.l1_loss(b.float(), a.detach().float()), a.detach().float().abs().mean()) for a, b in pairs]


def summed_matching(real, fake):
    """HiFi-GAN's and Vocos' feature matching: the sum over sub-discriminators and layers."""
    return sum(distance for distance, _ in feature_distances(real, fake))


def feature_matching(real, fake, relative=True):
    """The mean over sub-discriminators and layers; `relative`: each over the mean size of the real features (EnCodec's
    paper; audiocraft's code does not)."""
    each = feature_distances(real, fake)
    return sum(distance / size.clamp(min=1e-8) if relative else distance for distance, size in each) / len(each)
