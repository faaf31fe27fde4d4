"""What train_codec.py and train_together.py share: how a decoded waveform is held against the recording, and the
discriminators."""

import random
import torch
from safetensors.torch import save_file

from data import corpus
from mynah.pitch import yin
from papers import losses
from papers.discriminators import MultiPatchDiscriminator
from train import common


def decoded(a, codec, z, wave, told):
    """Decodes latents z [B, L, T] of waveforms [B, S]; in a share `told` of the rows the harmonics have the true pitch,
    otherwise the decoder's own, as when it speaks -> waveforms [B, S], their loss, what it is made of"""
    true_pitch = yin(wave, corpus.RATE, corpus.HOP)
    told_pitch = true_pitch * (torch.rand(len(wave), 1, device=a.device) < told)
    with common.autocast(a):
        noise, voiced, pitch, own_pitch = codec.spectra(z, told_pitch)
    fake = codec.synthesize(noise, voiced, pitch)
    certain = true_pitch > 0
    off = ((own_pitch / true_pitch.clamp(min=1)).log().abs() * certain).sum() / certain.sum().clamp(min=1)
    mel = losses.multi_scale_mel(fake, wave, corpus.RATE)
    fine = losses.spectral_convergence(fake, wave) if a.stft_weight else torch.zeros(())
    return fake, mel + a.pitch_weight * off + a.stft_weight * fine, {"mel": mel, "stft": fine, "pitch": off}


class Discriminators:
    """Those of the decoder, with their optimizer; `a.discriminators` of them are asked in each step: the same on
    average, in less time."""

    def __init__(self, a):
        self.a = a
        self.module = MultiPatchDiscriminator(corpus.RATE).to(a.device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(
            self.module.parameters(), a.disc_rate, (0.8, 0.99), weight_decay=0.01, fused=True
        )

    def begin(self, run):
        """Loads --disc-init where the run is new."""
        if self.a.disc_init and run.step == 0:
            self.module.load_state_dict(common.read_export(self.a.disc_init))

    def step(self, fake, wave, step):
        """They learn from waveforms [B, S] -> what to add to the decoder's loss (0 before --disc-warmup steps), what to
        log"""
        a = self.a
        with common.autocast(a):
            chosen = random.sample(range(len(self.module.discriminators)), a.discriminators)
            real, false = self.module(wave, chosen), self.module(fake.detach(), chosen)
            told = losses.hinge_discriminator(real, false)
        common.descend(told, self.optimizer, self.module, 5.0)
        if step < a.disc_warmup:
            return 0.0, {"told": told.detach(), "fooled": 0.0, "match": 0.0}
        self.module.requires_grad_(False)
        with common.autocast(a):
            false = self.module(fake, chosen)
            fooled, match = losses.hinge_generator(false), losses.feature_matching(real, false)
        self.module.requires_grad_(True)
        logged = {"told": told.detach(), "fooled": fooled.detach(), "match": match.detach()}
        return a.adversarial * (fooled + a.matching * match), logged

    def save(self, folder):
        """Writes folder/discriminators.safetensors, with which --disc-init begins another run."""
        kept = {k: v.half().contiguous() for k, v in self.module.state_dict().items()}
        save_file(kept, folder / "discriminators.safetensors")
