"""Turns the cache of corpus.py into codec tokens and alignments: what train_ar.py and train_nar.py read.

usage: python data/tokenize_corpus.py --cache CACHE --codec RUN/last.pt --aligner RUN/last.pt --out TOKENS
    [--variants 2] [--soiled] [--kind librispeech] [--transcripts FILE.jsonl]
Every clip is also encoded as --variants others: at another speed (resampled: pitch, formants and tempo move together)
and through another channel (equalizer, band limits). Each (speaker, variant) counts as a speaker of its own. With
--soiled, every clip that is trained on is encoded once more as users have recordings (noise, rooms, telephones,
coding): these are only ever prompts, so that the language model learns to speak clean where it has heard a voice in a
noisy room.
Clips with text only are phonemized with espeak and aligned; those that align badly are left out, and a pause of 0.2 s
or more without punctuation becomes a comma. TRANSCRIPTS gives text to clips without ({"id", "text"} a line). Clips in
other languages have the phonemes that the aligner hears. `heard` are these of every clip, for prompts whose transcript
is not to be trusted.
Silence may be between any two words (align.py). A clip that begins within a sound is marked `cut`: it is a prompt,
never what is to be spoken.
Writes TOKENS/part*/codes.i16 [N, K], index.jsonl, and dropped.jsonl: what was left out, and why.
"""

import argparse, collections, json, re, sys, zlib
from pathlib import Path
import numpy as np, soxr, torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import augment
from data.align import align, heard, stretch
from data.corpus import FRAME, RATE, Corpus, log_mel, phoneme_ids
from data.tokens import TEXTLESS
from train import common
from mynah.codec import SMALL, Codec
from mynah.lm import Aligner

SHORTEST_SILENCE = 4  # frames before the first sound, or the clip begins within one


class Phonemizer:
    """Text to phoneme ids as the corpus has them: espeak, by way of Kokoro's tokenizer."""

    def __init__(self):
        self.tokenizer = None

    def __call__(self, text):
        if self.tokenizer is None:
            from kokoro_onnx.tokenizer import Tokenizer

            self.tokenizer = Tokenizer()
        text = re.sub(r"\bi\b", "I", text) if text == text.lower() else text  # the letter i would be stressed
        return phoneme_ids(self.tokenizer.phonemize(text, "en-us"))


class Encoder:
    """Recordings to codes, phonemes and durations."""

    def __init__(self, a):
        self.device, self.minimum = a.device, a.minimum
        self.codec, self.aligner, self.phonemes = Codec(SMALL), Aligner(), Phonemizer()
        self.codec.load_state_dict(common.weights(a.codec), strict=False)  # an export's decoder is elsewhere
        self.aligner.load_state_dict(common.weights(a.aligner))
        self.codec.eval().to(self.device), self.aligner.eval().to(self.device)

    def features(self, x):
        return log_mel(torch.from_numpy(x.astype(np.float32))[None].to(self.device))

    def codes(self, features):
        """[1, 160, T] -> int16 [T, K]"""
        return self.codec.rvq.encode(self.codec.encode(features))[0].T.cpu().numpy().astype(np.int16)

    def log_probs(self, features):
        return self.aligner(features)[0].cpu().numpy()

    def align(self, x, features, item, text):
        """-> dict(phonemes, durations, …) of a clip, or why it cannot be used"""
        if "durations" in item:
            return dict(phonemes=item["phonemes"], durations=item["durations"])
        log_probs = self.log_probs(features)
        if item["kind"] == TEXTLESS:
            return dict(zip(("phonemes", "durations"), heard(log_probs)))
        if not text:
            return "no text"
        found = align(log_probs, x, self.phonemes(text))
        if found is None:
            return "more phonemes than frames"
        ids, durations, score = found
        if score < self.minimum:
            return f"does not fit its text: {score:.2f}"
        cut = dict(cut=True) if durations[0] < SHORTEST_SILENCE else {}
        return dict(phonemes=ids, durations=durations, score=round(score, 3)) | cut


def as_variant(x, item, variant):
    """-> x at the speed and through the channel of a variant of its speaker, and the speed"""
    if variant == 0:
        return x, 1.0
    draw = lambda what: zlib.crc32(f"{what}{item['speaker']}/{variant}".encode())
    speed = 0.82 + 0.4 * (draw("") % 1000) / 1000
    x = soxr.resample(x, RATE * speed, RATE, "MQ")
    return augment.channel(x, np.random.default_rng(draw("channel/"))), speed


def lines(encoder, item, x, text, variants, soiled):
    """Yields (codes, line of the index) of every form of a clip, or why one cannot be used."""
    found = None
    for variant in range(1 if item["validation"] else 1 + variants):
        y, speed = as_variant(x, item, variant)
        y = y[: len(y) // FRAME * FRAME]
        features = encoder.features(y)
        found = found or encoder.align(y, features, item, text)
        if isinstance(found, str):
            yield None, found
            return
        durations = stretch(found["durations"], speed, features.shape[2])
        if durations is None:
            yield None, f"too fast for its frames at speed {speed:.2f}"
            continue
        for prompt_only in (False, True) if soiled and not item["validation"] else (False,):
            if prompt_only:
                rng = np.random.default_rng(zlib.crc32(f"{item['id']}/{variant}".encode()))
                features = encoder.features(augment.as_users_have_it(y, rng)[0])
            line = {key: item[key] for key in ("id", "kind", "validation")}
            line |= dict(variant=variant, speaker=f"{item['speaker']}/{variant}", prompt_only=prompt_only)
            line |= {key: found[key] for key in ("score", "cut") if key in found}
            line |= dict(frames=features.shape[2], phonemes=found["phonemes"], durations=durations)
            if item["kind"] not in ("synthetic", TEXTLESS):
                line |= dict(zip(("heard", "heard_durations"), heard(encoder.log_probs(features))))
            yield encoder.codes(features), line


def arguments():
    a = argparse.ArgumentParser()
    for name in ("cache", "codec", "aligner", "out"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--variants", type=int, default=2)
    a.add_argument("--soiled", action="store_true", help="also as users have recordings, for prompts")
    a.add_argument("--kind", default="", help="only clips of this kind")
    a.add_argument("--transcripts", default="")
    a.add_argument(
        "--minimum", type=float, default=-1.6, help="log-probability per frame below which no alignment is believed"
    )
    a.add_argument("--worker", type=int, default=0)
    a.add_argument("--workers", type=int, default=1)
    a.add_argument("--device", default="cpu")
    return a.parse_args()


def main():
    a = arguments()
    torch.set_num_threads(1)
    encoder, data, position, reasons = Encoder(a), Corpus(a.cache), 0, collections.Counter()
    texts = {}
    if a.transcripts:
        texts = {m["id"]: m["text"] for m in map(json.loads, Path(a.transcripts).read_text("utf8").splitlines())}
    out = Path(a.out) / f"part{a.worker}"
    out.mkdir(parents=True, exist_ok=True)
    opened = [open(out / name, "w", encoding="utf8") for name in ("index.jsonl", "dropped.jsonl")]
    with open(out / "codes.i16", "wb") as codes_file, opened[0] as index, opened[1] as dropped, torch.no_grad():
        for item in data.items[a.worker :: a.workers]:
            if a.kind not in ("", item["kind"]):
                continue
            text = item["text"] or texts.get(item["id"], "")
            for codes, line in lines(encoder, item, data.audio(item), text, a.variants, a.soiled):
                if codes is None:
                    reasons[re.sub(r" -?[\d.]+$", "", line)] += 1
                    dropped.write(json.dumps(dict(id=item["id"], reason=line)) + "\n")
                    continue
                codes_file.write(codes.tobytes())
                line = dict(line, start=position)
                index.write(json.dumps(line) + "\n")
                position += line["frames"]
    print(f"{position / 40 / 3600:.2f} h; left out: {dict(reasons)}")


if __name__ == "__main__":
    main()
