"""Trains the non-autoregressive model: from the first codebook of the target frames to the sum of all others."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from mynah.lm import Nar
from train import common, language_model

SHARES = {
    "synthetic": 0.35,
    "librispeech": 0.3,
    "speech-to-intent": 0.12,
    "kathleen": 0.05,
    "common-voice": 0.18,
    "recordings": 1,
}  # of the targets


def main():
    a, config, codebook = language_model.begin(__doc__, vary=0.2)
    model = Nar(config).to(a.device)

    def losses(batch, noise):
        """The squared error over the power of what is to be predicted (1 = nothing learned)"""
        target = batch["kind"] == 2
        quantized, first, voice = language_model.embed(batch, codebook, noise)
        with common.autocast(a):
            encoding = model.encode(batch["ids"], batch["ids_valid"], voice, batch["voice_valid"])
            residual = model(encoding, batch["frame_phoneme"], quantized, first, batch["kind"] == 1, batch["valid"])
        wanted = (quantized - first)[target]
        error = (residual[target] - wanted).pow(2).sum(-1).mean() / wanted.pow(2).sum(-1).mean()
        return error, {"error": error}

    language_model.train(a, config, model, losses, "held_{kind}", 0.25, textless=True, shares=SHARES)


if __name__ == "__main__":
    main()
