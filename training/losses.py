"""Spectral and adversarial losses of the vocoder papers, one function each."""
import librosa, torch, torch.nn.functional as F

_cache = {}


def mel_magnitude(x, rate, n_fft, n_mels):
    """[B, S] -> linear mel [B, n_mels, T] at hop n_fft / 4"""
    key = (rate, n_fft, n_mels, x.device)
    if key not in _cache:
        fb = torch.from_numpy(librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels)).to(x.device)
        _cache[key] = fb, torch.hann_window(n_fft, device=x.device)
    fb, window = _cache[key]
    s = torch.stft(x, n_fft, n_fft // 4, n_fft, window, center=True, return_complex=True)
    return fb @ torch.sqrt(s.real.pow(2) + s.imag.pow(2) + 1e-9)


def multi_scale_mel(x, y, rate, scales=((2048, 128), (1024, 80), (512, 48), (256, 24))):
    """Sum over scales of L1 between ln-mels of x and y [B, S]."""
    loss = 0.0
    for n_fft, n_mels in scales:
        a, b = (mel_magnitude(v, rate, n_fft, n_mels).clamp(min=1e-5).log() for v in (x, y))
        loss = loss + F.l1_loss(a, b)
    return loss


def hinge_discriminator(real, fake):
    """Mean over sub-discriminators of hinge losses; real, fake: lists of (score map, features)."""
    return sum(F.relu(1 - r.float()).mean() + F.relu(1 + f.float()).mean() for (r, _), (f, _) in zip(real, fake)) / len(real)


def hinge_generator(fake):
    return sum(F.relu(1 - f.float()).mean() for f, _ in fake) / len(fake)


def feature_matching(real, fake):
    """Mean over sub-discriminators and layers of the L1 between features, each relative to the size of the real one's."""
    total, count = 0.0, 0
    for (_, a), (_, b) in zip(real, fake):
        for x, y in zip(a, b):
            x = x.detach().float()
            total, count = total + F.l1_loss(y.float(), x) / x.abs().mean().clamp(min=1e-3), count + 1
    return total / count
