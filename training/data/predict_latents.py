"""Writes what the NAR model makes of true first codebooks: latents in time with the recordings, for the decoder to
learn from (train_codec.py --predicted).

usage: python data/predict_latents.py --cache TOKENS --codec RUN/last.pt --nar RUN/last.pt --out PREDICTED [--share 0.5]
The decoder of a language model never hears true latents: those are expected codebook vectors, smoother than any
recording's. HiFi-GAN calls training on them fine-tuning.
Clips at their own speed only, prompted as in training. Writes PREDICTED/latents.f16 [N, L], index.jsonl.
"""

import argparse, json, random, sys
from pathlib import Path
import numpy as np, torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from train import common
from mynah.lm import SMALL, Nar
from data.tokens import Tokens, collate
from train.language_model import embed


def main():
    a = argparse.ArgumentParser()
    for name in ("cache", "codec", "nar", "out"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--share", type=float, default=1.0, help="of the clips, but always those of people")
    a.add_argument("--batch", type=int, default=16)
    a.add_argument("--device", default="auto")
    a.add_argument("--threads", type=int, default=0)
    a = a.parse_args()
    a.device = common.device_of(a.device)
    if a.threads:
        torch.set_num_threads(a.threads)
    codebook = common.weights(a.codec, a.device)["rvq.codebook"]
    nar = Nar(SMALL).to(a.device).eval()
    nar.load_state_dict(common.weights(a.nar, a.device))
    tokens, rng, out, position = Tokens(a.cache, longest=800), random.Random(5), Path(a.out), 0
    out.mkdir(parents=True, exist_ok=True)
    items = [i for i in tokens.train if i["variant"] == 0 and (i["kind"] == "librispeech" or rng.random() < a.share)]
    with (
        open(out / "latents.f16", "wb") as zf,
        open(out / "index.jsonl", "w", encoding="utf8") as index,
        torch.no_grad(),
    ):
        for n in range(0, len(items), a.batch):
            clips = items[n : n + a.batch]
            batch = {k: v.to(a.device) for k, v in collate([tokens.row(i, rng) for i in clips]).items()}
            quantized, first, voice = embed(batch, codebook)
            with common.autocast(a):
                encoding = nar.encode(batch["ids"], batch["ids_valid"], voice, batch["voice_valid"])
                known = first + nar(
                    encoding, batch["frame_phoneme"], quantized, first, batch["kind"] == 1, batch["valid"]
                )
            for clip, z, before in zip(clips, known.float().cpu().numpy(), (batch["kind"] == 1).sum(1).tolist()):
                zf.write(z[before : before + clip["frames"]].astype(np.float16).tobytes())
                index.write(
                    json.dumps(dict(id=clip["id"], offset=clip["offset"], start=position, frames=clip["frames"])) + "\n"
                )
                position += clip["frames"]
    print(f"{len(items)} clips, {position / 40 / 3600:.2f} h")


if __name__ == "__main__":
    main()
