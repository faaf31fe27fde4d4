"""Log-mel front-ends of the published vocoders, told apart by the values that each paper's file states."""

import warnings
import librosa, torch, torch.nn.functional as F
from torch import nn


class LogMel(nn.Module):
    """waveform [B, S] -> [B, M, T]: S / hop frames, or S / hop + 1 where `center`.

    `htk`: torchaudio's filters instead of Slaney's. `epsilon`: under the root of the magnitude. `statistics`:
    normalized by `mean` and `scale` [M], which `fit` measures.
    """

    def __init__(
        self,
        rate,
        n_fft,
        hop,
        n_mels,
        win=None,
        fmin=0,
        fmax=None,
        htk=False,
        epsilon=0.0,
        log="ln",
        floor=1e-5,
        center=False,
        statistics=False,
    ):
        super().__init__()
        self.rate, self.n_fft, self.hop, self.win, self.epsilon, self.log, self.floor, self.center = (
            rate,
            n_fft,
            hop,
            win or n_fft,
            epsilon,
            log,
            floor,
            center,
        )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # the papers do have more bands than a small window tells apart
            norm = None if htk else "slaney"
            filters = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm)
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)
        self.register_buffer("window", torch.hann_window(self.win), persistent=False)
        self.statistics = statistics
        if statistics:
            self.register_buffer("mean", torch.zeros(n_mels)), self.register_buffer("scale", torch.ones(n_mels))

    def forward(self, wave):
        mel = self.unnormalized(wave)
        return (mel - self.mean[:, None]) / self.scale[:, None] if self.statistics else mel

    def energies(self, wave):
        pad = self.n_fft // 2 if self.center else (self.n_fft - self.hop) // 2
        x = F.pad(wave[:, None], (pad, pad), mode="reflect")[:, 0]
        s = torch.stft(x, self.n_fft, self.hop, self.win, self.window, center=False, return_complex=True)
        return self.filters @ ((s.real.pow(2) + s.imag.pow(2) + self.epsilon).sqrt() if self.epsilon else s.abs())

    def unnormalized(self, wave):
        mel = self.energies(wave).clamp(min=self.floor)
        return mel.log() if self.log == "ln" else mel.log10()

    def fit(self, waves):
        """Measures `mean` and `scale` over waveforms [1, S]."""
        frames = torch.cat([self.unnormalized(w)[0] for w in waves], 1)
        self.mean.copy_(frames.mean(1)), self.scale.copy_(frames.std(1).clamp(min=1e-3))
