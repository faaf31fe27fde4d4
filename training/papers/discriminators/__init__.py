"""Discriminators of the vocoder and codec papers. Each takes waveforms [B, S] and gives, for each sub-discriminator,
its
score map and the features that the published code matches: with the score map where the published code has it in them.

State dicts have the published names, so `do_…` checkpoints load; tests/golden holds every one against the published
code.
"""

from .constant_q import MultiScaleSubBandDiscriminator
from .patches import MultiPatchDiscriminator
from .spectral import (
    MultiBandDiscriminator,
    MultiResolutionDiscriminator,
    MultiScaleStftDiscriminator,
    ResidualStftDiscriminator,
)
from .waveform import (
    HIFI_GAN_SCALE,
    MelganDiscriminator,
    MultiPeriodDiscriminator,
    MultiScaleDiscriminator,
    ParallelWaveganDiscriminator,
)
