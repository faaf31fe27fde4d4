"""Builds the training cache: every clip as 24 kHz int16 in one file, with phoneme ids and frame durations where they
are known. Recordings of people are trimmed and brought to the level of a prompt (augment.py).

usage: python data/corpus.py --data ../../shared/data [--extra PACKED_DIR …] --cache CACHE
       python data/corpus.py --folder WAVS --transcripts FILE|--transcribe --consent TEXT [--speaker NAME] --cache CACHE
Writes CACHE/audio.i16, CACHE/index.jsonl. Also the home of everything that reads the cache: `Corpus`, and `log_mel`,
the codec's front-end.
Never trained on: 20 synthetic speakers (index % 20 == 7), 40 LibriSpeech speakers, 10 of the 52 volunteers of
speech-to-intent, and Arctic prompts that are missing from kathleen/. The volunteers are not named in their corpus;
assets/speech-to-intent-speakers.json tells them apart (average linkage of Resemblyzer's vectors, cut at a cosine
distance of 0.22).
"""

import argparse, itertools, json, math, random, sys
from pathlib import Path
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from

RATE, HOP, FRAME, N_FFT, N_MELS = 24000, 300, 600, 1200, 80
SYMBOLS = json.loads((Path(__file__).parents[1] / "assets/phonemes.json").read_text("utf8"))
ID = {s: i for i, s in enumerate(SYMBOLS)}
_front_end = None


def log_mel(wave):
    """[B, S] (S a multiple of 600) -> [B, 160, S / 600]: ln-mel at hop 300, two columns stacked per 25 ms frame.
    Front-end `mynah24k` of @mynah/audio."""
    from data.mels import LogMel  # not needed to train on tokens, and neither is librosa

    global _front_end
    _front_end = (_front_end or LogMel(RATE, N_FFT, HOP, N_MELS)).to(wave.device)
    m = _front_end(wave)
    b, c, t = m.shape
    return m.view(b, c, t // 2, 2).permute(0, 3, 1, 2).reshape(b, 2 * c, t // 2)


class Corpus:
    """The cache, memory-mapped. `items` are the index lines; `audio(item)` is float32 in [-1, 1]."""

    def __init__(self, cache):
        self.items = [json.loads(l) for l in (Path(cache) / "index.jsonl").read_text("utf8").splitlines()]
        path = Path(cache) / "audio.i16"
        self.data = np.memmap(path, np.int16, "r") if path.stat().st_size else np.zeros(0, np.int16)

    def audio(self, item, start=0, count=None):
        count = item["samples"] - start if count is None else count
        return self.data[item["start"] + start : item["start"] + start + count].astype(np.float32) / 32768


def pick(items, weights):
    """One of `items` at random; weights: cumulative, so that a clip's chance can be its length."""
    return items[np.searchsorted(weights, random.random() * weights[-1], side="right")]


class Level:
    """How loud pieces are made: the peak of the `whole` clip that they are cut from, or of the piece, drawn evenly from
    `low` to `high`, as amplitudes or decibels."""

    def __init__(self, low, high=None, decibels=False, whole=True):
        self.low, self.high, self.decibels, self.whole = low, low if high is None else high, decibels, whole

    def gain(self, peak):
        target = random.uniform(self.low, self.high)
        return (10 ** (target / 20) if self.decibels else target) / max(float(peak), 1e-3)


class Segments:
    """Random pieces [S] of the clips that are trained on, at any sample rate; a clip's chance is its length. Shorter
    clips are padded with silence. `level`: a Level, or None for the corpus' own."""

    def __init__(self, cache, rate, size, level=None):
        self.corpus, self.rate, self.size, self.level = Corpus(cache), rate, size, level
        self.needed = math.ceil(size * RATE / rate) + (0 if rate == RATE else 64)  # and what a resampler eats
        self.items = [i for i in self.corpus.items if not i["validation"]]
        if not self.items:
            raise SystemExit(f"{cache}: has no clip to train on")
        self.weights = np.cumsum([i["samples"] for i in self.items])
        self.peaks = {}

    def peak(self, item):
        if item["start"] not in self.peaks:
            self.peaks[item["start"]] = np.abs(self.corpus.audio(item)).max()
        return self.peaks[item["start"]]

    def __call__(self):
        item = pick(self.items, self.weights)
        count = min(self.needed, item["samples"])
        x = self.corpus.audio(item, random.randrange(item["samples"] - count + 1), count)
        if self.rate != RATE:
            import soxr

            x = soxr.resample(x, RATE, self.rate)
        x = np.pad(x[: self.size], (0, max(0, self.size - len(x))))
        if self.level:
            x = x * np.float32(self.level.gain(self.peak(item) if self.level.whole else np.abs(x).max()))
        return x


class Noise:
    """Pieces of noise [S] instead of Segments, for --smoke."""

    items = ()

    def __init__(self, size):
        self.size = size

    def __call__(self):
        return 0.1 * np.random.randn(self.size)


def held_out(kind, speaker):
    """Whether a speaker is never trained on. `speaker`: a number of the corpus."""
    share, rest = {"synthetic": (20, 7), "librispeech": (9, 4), "speech-to-intent": (5, 4)}.get(kind, (1, 1))
    return rest < share and int(speaker) % share == rest


def phoneme_ids(text):
    return [0, *[ID[c] for c in text if c in ID], 0]


def volunteers():
    """-> {clip: number} of the unnamed people of speech-to-intent"""
    path = Path(__file__).parents[1] / "assets/speech-to-intent-speakers.json"
    return {clip: n for n, clips in enumerate(json.loads(path.read_text("utf8"))) for clip in clips}


FOLDERS = ("synthetic", "kathleen", "librispeech-train-clean-5", "librispeech", "speech-to-intent", "common-voice")


def lines_of(data, extra=(), folders=FOLDERS):
    """-> (kind, folder, line of its manifest) of every clip, each clip once: librispeech-train-clean-5 has some of
    those of librispeech, with their texts."""
    seen, person = set(), volunteers()
    for folder in [*(data / name for name in folders), *extra]:
        kind = {"librispeech-train-clean-5": "librispeech"}.get(
            folder.name, folder.name if folder.parent == data else "synthetic"
        )
        manifests = sorted(folder.glob("manifest*.jsonl"))
        if not manifests:
            raise SystemExit(f"{folder}: has no manifest*.jsonl")
        for m in (json.loads(line) for manifest in manifests for line in manifest.read_text("utf8").splitlines()):
            clip = m.get("id", Path(m["audio"]).stem)
            if (kind, clip) in seen:
                continue
            seen.add((kind, clip))
            speaker = m.get("speaker", clip if kind == "common-voice" else kind)
            if kind == "speech-to-intent":
                speaker = f"{person[clip]:02d}"
            text = "" if kind == "common-voice" else m.get("text", "")  # other languages: no phonemes of ours
            item = dict(id=clip, kind=kind, speaker=f"{kind}-{speaker}", validation=held_out(kind, speaker), text=text)
            yield item, folder, m


def clips_of(data, extra=(), folders=FOLDERS):
    """Yields (item, samples) of every clip of the corpora."""
    import soundfile as sf, soxr
    from data.augment import levelled, trimmed

    for item, folder, m in lines_of(data, extra, folders):
        x, rate = sf.read(folder / m["audio"], dtype="float32", always_2d=True)
        x = soxr.resample(x.mean(1), rate, RATE)
        if item["kind"] == "synthetic":
            x = x[: len(x) // FRAME * FRAME]
            item["phonemes"], item["durations"] = phoneme_ids(m["phonemes"]), m["durations"]
            if len(item["phonemes"]) != len(m["durations"]) or sum(m["durations"]) * FRAME != len(x):
                raise SystemExit(f"{folder / m['audio']}: durations do not fit the phonemes or the recording")
        else:
            x = trimmed(levelled(x))
        yield item, x


def write_cache(cache, clips):
    """clips: (item, samples at 24 kHz) -> seconds written"""
    cache, position = Path(cache), 0
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "audio.i16", "wb") as out, open(cache / "index.jsonl", "w", encoding="utf8") as index:
        for item, x in clips:
            x = np.pad(x, (0, -len(x) % FRAME))
            out.write((np.clip(x, -1, 1) * 32767).astype(np.int16).tobytes())
            index.write(json.dumps(item | dict(start=position, samples=len(x)), ensure_ascii=False) + "\n")
            position += len(x)
    return position / RATE


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", default="", help="folder of the corpora")
    a.add_argument("--extra", nargs="*", default=[])
    a.add_argument("--folder", default="", help="own recordings of one speaker")
    a.add_argument("--transcripts", default="", help="their texts: a line `name|text` each")
    a.add_argument("--transcribe", action="store_true", help="lets Moonshine write down what has no transcript")
    a.add_argument("--speaker", default="me", help="what the speaker of --folder is called")
    a.add_argument("--consent", default="", help="the speaker's own words of agreement, kept with data and voice")
    a.add_argument("--cache", required=True)
    a = a.parse_args()
    if not (a.data or a.folder):
        raise SystemExit("pass --data, or --folder with your own recordings")
    if a.folder and not a.consent:
        raise SystemExit('--folder needs --consent: whose voice is it, and did they agree? Such as "my own voice"')
    return a


def main():
    from data.recordings import recordings

    a, dropped = arguments(), []
    own = (a.folder, a.transcripts, a.transcribe, a.speaker, a.consent, RATE, dropped.append)
    clips = itertools.chain(
        clips_of(Path(a.data), [Path(e) for e in a.extra]) if a.data else (), recordings(*own) if a.folder else ()
    )
    seconds = write_cache(a.cache, clips)
    for line in dropped:
        print(f"left out {line}")
    if not seconds:
        raise SystemExit(f"{a.folder or a.data}: nothing is left to train on")
    print(f"{seconds / 3600:.2f} h" if seconds > 360 else f"{seconds:.0f} s")


if __name__ == "__main__":
    main()
