"""What the vocoder of the embedded voice reads, as a front-end like a mel's: the codec's latents, quantized."""

import torch
from torch import nn
from data.corpus import FRAME, log_mel
from mynah.codec import SMALL, Codec
from train import common


class Latents(nn.Module):
    """waveform [B, S] -> [B, 64, S / 600]; codec: as `common.weights` reads it"""

    statistics = False

    def __init__(self, codec):
        super().__init__()
        self.codec = Codec(SMALL).eval().requires_grad_(False)
        self.codec.load_state_dict(common.weights(codec), strict=False)

    def forward(self, wave):
        rvq = self.codec.rvq
        features = log_mel(wave[:, : wave.shape[1] // FRAME * FRAME])
        return rvq.decode(rvq.encode(self.codec.encode(features)))
