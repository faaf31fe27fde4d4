"""Turns the cache of corpus.py into codec tokens and alignments: what train_ar.py and train_nar.py read.

usage: python data/tokenize_corpus.py --cache CACHE --codec RUN/last.pt --aligner RUN/last.pt --out TOKENS [--variants
    2]
    [--transcripts FILE.jsonl] [--kind librispeech] [--noisy]
Every clip is also encoded as --variants others: at another speed (resampled: pitch, formants and tempo move together)
and through another channel (equalizer, band limits).
Each (speaker, variant) counts as a speaker of its own. With --noisy, every clip that is trained on is encoded once more
with noise and reverberation: these are only ever
prompts, so that the language model learns to speak clean where it has heard a voice in a noisy room.
Clips with text only are phonemized with espeak and aligned; those that align badly are left out. TRANSCRIPTS gives text
to clips without ({"id", "text"} a line).
A clip that begins within a sound is marked `cut`: it is a prompt, never what is to be spoken.
Writes TOKENS/codes.i16 [N, K], index.jsonl.
"""

import argparse, json, sys, zlib
from pathlib import Path
import numpy as np, soxr, torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import corpus
from train import common
from mynah.codec import SMALL, Codec
from mynah.lm import Aligner, viterbi


def stretch(durations, speed, total):
    """Durations at another speed: rounded boundaries, every phoneme at least one frame, sum = total; None if that
    cannot be."""
    edges = np.round(np.cumsum(durations) / speed).astype(int)
    edges[-1] = total
    for i in range(len(edges)):
        edges[i] = max(edges[i], (edges[i - 1] if i else 0) + 1)
    edges[-1] = total
    for i in range(len(edges) - 2, -1, -1):
        edges[i] = min(edges[i], edges[i + 1] - 1)
    d = np.diff(edges, prepend=0)
    return d if d.min() >= 1 else None


def onset(x):
    """x [S] -> frames before the first one whose louder half comes within 30 dB of the loud ones; 0: the clip begins
    within a sound"""
    half = corpus.FRAME // 2
    level = 10 * np.log10(np.square(x[: len(x) // half * half].reshape(-1, half)).mean(1) + 1e-10)
    return int(np.argmax(level > np.percentile(level, 90) - 30)) // 2


def main():
    a = argparse.ArgumentParser()
    for name in ("cache", "codec", "aligner", "out"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--variants", type=int, default=2)
    a.add_argument("--transcripts", default="")
    a.add_argument("--kind", default="", help="only clips of this kind")
    a.add_argument(
        "--minimum",
        type=float,
        default=-1.2,
        help="mean log-probability per frame below which an alignment is not believed",
    )
    a.add_argument("--worker", type=int, default=0)
    a.add_argument("--workers", type=int, default=1)
    a.add_argument("--noisy", action="store_true")
    a.add_argument("--device", default="cpu")
    a = a.parse_args()
    torch.set_num_threads(1)
    codec = Codec(SMALL)
    codec.load_state_dict(
        common.weights(a.codec), strict=False
    )  # an export leaves out the decoder, which is not needed here
    aligner = Aligner()
    aligner.load_state_dict(common.weights(a.aligner))
    codec.eval().to(a.device), aligner.eval().to(a.device)
    out = Path(a.out) / f"part{a.worker}"
    out.mkdir(parents=True, exist_ok=True)
    texts = {}
    if a.transcripts:
        texts = {m["id"]: m["text"] for m in map(json.loads, Path(a.transcripts).read_text("utf8").splitlines())}
    tokenizer = None

    def features_of(x):
        return corpus.log_mel(torch.from_numpy(x.astype(np.float32))[None].to(a.device))

    data, position, kept, dropped = corpus.Corpus(a.cache), 0, 0, 0
    with open(out / "codes.i16", "wb") as cf, open(out / "index.jsonl", "w", encoding="utf8") as index, torch.no_grad():
        for number, item in enumerate(data.items):
            if number % a.workers != a.worker or a.kind not in ("", item["kind"]):
                continue
            text = item["text"] or texts.get(item["id"], "")
            if "durations" not in item and not text:
                continue
            variants = 1 if item["validation"] else 1 + a.variants
            for variant in range(variants):
                speed = (
                    1.0
                    if variant == 0
                    else 0.82 + 0.4 * (zlib.crc32(f"{item['speaker']}/{variant}".encode()) % 1000) / 1000
                )
                x = data.audio(item)
                if variant:
                    x = soxr.resample(x, corpus.RATE * speed, corpus.RATE, "MQ")
                    x = corpus.channel(
                        x, np.random.default_rng(zlib.crc32(f"channel/{item['speaker']}/{variant}".encode()))
                    )
                x = x[: len(x) // corpus.FRAME * corpus.FRAME]
                features = features_of(x)
                total = features.shape[2]
                if "durations" not in item:  # people, aligned once
                    if tokenizer is None:
                        from kokoro_onnx.tokenizer import Tokenizer

                        tokenizer = Tokenizer()
                    ids = corpus.phoneme_ids(tokenizer.phonemize(text, "en-us"))
                    begins = onset(x)
                    quiet = max(0, begins - 2)  # frames that the aligner may take for the first sounds
                    durations, score = viterbi(aligner(features)[0].cpu().numpy()[quiet:], np.array(ids))
                    if durations is None or score < a.minimum:
                        dropped += 1
                        break
                    durations[0] += quiet
                    item |= dict(phonemes=ids, durations=durations.tolist(), score=score, cut=begins == 0)
                ids, durations, score = (
                    item["phonemes"],
                    stretch(item["durations"], speed, total),
                    item.get("score", 0.0),
                )
                if durations is None:
                    dropped += 1
                    continue
                noisy = [False, True] if a.noisy and not item["validation"] else [False]
                for prompt_only in noisy:
                    if prompt_only:
                        features = features_of(
                            corpus.soil(x, np.random.default_rng(zlib.crc32(f"{item['id']}/{variant}".encode())))
                        )
                    codes = codec.rvq.encode(codec.encode(features))[0].T.cpu().numpy().astype(np.int16)
                    cf.write(codes.tobytes())
                    line = dict(
                        id=item["id"],
                        variant=variant,
                        speaker=f"{item['speaker']}/{variant}",
                        kind=item["kind"],
                        validation=item["validation"],
                        prompt_only=prompt_only,
                    )
                    line |= dict(
                        start=position,
                        frames=total,
                        phonemes=[int(i) for i in ids],
                        durations=[int(d) for d in durations],
                        score=round(score, 3),
                    )
                    line |= dict(cut=True) if item.get("cut") else {}
                    index.write(json.dumps(line) + "\n")
                    position += total
                kept += 1
    print(f"{kept} clips kept, {dropped} dropped, {position / 40 / 3600:.2f} h")


if __name__ == "__main__":
    main()
