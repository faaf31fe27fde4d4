"""Trains the autoregressive model: codebook 1 and stay-or-advance, teacher-forced. The prompt's frames count less than
the target's: nothing ever has to speak them."""

import sys
from pathlib import Path
import torch, torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from mynah.lm import Ar
from train import common, language_model

SHARES = {
    "synthetic": 0.45,
    "librispeech": 0.37,
    "speech-to-intent": 0.12,
    "kathleen": 0.06,
    "recordings": 1,
}  # of targets
PROMPT_WEIGHT = 0.3


def main():
    a, config, codebook = language_model.begin(__doc__, vary=0.1)
    model = Ar(config, codebook).to(a.device)

    def losses(batch, noise):
        codes = batch["codes"]
        quantized, first, voice = language_model.embed(batch, codebook, noise)
        this = torch.where((batch["kind"] == 1)[..., None], quantized, first)
        previous, kind = F.pad(this, (0, 0, 1, 0))[:, :-1], F.pad(batch["kind"], (1, 0))[:, :-1]
        with common.autocast(a):
            encoding = model.encode(batch["ids"], batch["ids_valid"], voice, batch["voice_valid"])
            logits, advance = model(encoding, batch["frame_phoneme"], batch["age"], previous, kind)
        valid, target = batch["valid"], batch["kind"] == 2
        weight = target + PROMPT_WEIGHT * (valid & ~target)
        each = F.cross_entropy(
            logits.flatten(0, 1), codes[..., 0].flatten(), reduction="none", label_smoothing=0.02 if noise else 0.0
        ).view(valid.shape)
        move = F.binary_cross_entropy_with_logits(advance.float(), batch["advance"], reduction="none")
        of_target = lambda x: (x * target).sum() / target.sum()
        return ((each + move) * weight).sum() / weight.sum(), {"code": of_target(each), "move": of_target(move)}

    language_model.train(a, config, model, losses, "{kind}_{name}", 1.0, shares=SHARES)


if __name__ == "__main__":
    main()
