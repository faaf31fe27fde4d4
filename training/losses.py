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
