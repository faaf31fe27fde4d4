"""Builds the training cache: every clip as 24 kHz int16 in one file, with phoneme ids and frame durations where they
are known.

usage: python data/corpus.py --data ../../shared/data [--extra PACKED_DIR …] --cache CACHE
Writes CACHE/audio.i16, CACHE/index.jsonl. Also the home of everything that reads the cache: `Corpus`, and `log_mel`,
the codec's front-end.
Splits: 20 synthetic speakers (index % 20 == 7) and 40 LibriSpeech speakers are never trained on; neither are Arctic
prompts that are missing from kathleen/.
"""

import argparse, json, math, random, sys
from pathlib import Path
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data.mels import LogMel

RATE, HOP, FRAME, N_FFT, N_MELS = 24000, 300, 600, 1200, 80
SYMBOLS = json.loads((Path(__file__).parents[1] / "assets/phonemes.json").read_text("utf8"))
ID = {s: i for i, s in enumerate(SYMBOLS)}
_front_end = None


def log_mel(wave):
    """[B, S] (S a multiple of 600) -> [B, 160, S / 600]: ln-mel at hop 300, two columns stacked per 25 ms frame.
    Front-end `mynah24k` of @mynah/audio."""
    global _front_end
    _front_end = (_front_end or LogMel(RATE, N_FFT, HOP, N_MELS)).to(wave.device)
    m = _front_end(wave)
    b, c, t = m.shape
    return m.view(b, c, t // 2, 2).permute(0, 3, 1, 2).reshape(b, 2 * c, t // 2)


class Corpus:
    """The cache, memory-mapped. `items` are the index lines; `audio(item)` is float32 in [-1, 1]."""

    def __init__(self, cache):
        self.items = [json.loads(l) for l in (Path(cache) / "index.jsonl").read_text("utf8").splitlines()]
        self.data = np.memmap(Path(cache) / "audio.i16", np.int16, "r")

    def audio(self, item, start=0, count=None):
        count = item["samples"] - start if count is None else count
        return self.data[item["start"] + start : item["start"] + start + count].astype(np.float32) / 32768


def pick(items, weights):
    """One of `items` at random; weights: cumulative, so that a clip's chance can be its length."""
    return items[np.searchsorted(weights, random.random() * weights[-1], side="right")]


class Segments:
    """Random pieces [S] of the clips that are trained on, at any sample rate; a clip's chance is its length. `peak_db`:
    range of random peak levels."""

    def __init__(self, cache, rate, size, peak_db=None):
        self.corpus, self.rate, self.size, self.peak_db = Corpus(cache), rate, size, peak_db
        self.needed = math.ceil(size * RATE / rate) + (0 if rate == RATE else 64)  # and what a resampler eats
        self.items = [i for i in self.corpus.items if not i["validation"] and i["samples"] > self.needed]
        self.weights = np.cumsum([i["samples"] for i in self.items])

    def __call__(self):
        item = pick(self.items, self.weights)
        x = self.corpus.audio(item, random.randrange(item["samples"] - self.needed), self.needed)
        if self.rate != RATE:
            import soxr

            x = soxr.resample(x, RATE, self.rate)[: self.size]
        if self.peak_db:
            x = x * 10 ** (random.uniform(*self.peak_db) / 20) / max(np.abs(x).max(), 1e-3)
        return x


def channel(x, rng):
    """x [S] as another microphone hears it: a smooth random equalizer, often without what is above 8 kHz (as most
    recordings of people here), sometimes without the lowest."""
    spectrum, frequency = np.fft.rfft(x), np.fft.rfftfreq(len(x), 1 / RATE)
    at = np.geomspace(60, 12000, 9)
    gain = np.interp(np.log(frequency + 1), np.log(at), rng.uniform(-6, 6, len(at)))
    if rng.random() < 0.5:
        gain = gain - 60 / (1 + np.exp(-(frequency - rng.uniform(7000, 8000)) / 60))
    if rng.random() < 0.3:
        gain = gain - 12 * np.log2(np.maximum(1, rng.uniform(60, 250) / (frequency + 1)))
    y = np.fft.irfft(spectrum * 10 ** (gain / 20), len(x))
    return y * min(np.sqrt((x**2).mean() / max((y**2).mean(), 1e-12)), 0.98 / max(np.abs(y).max(), 1e-6))


def another(data, item, size, rng):
    """A random piece [size] of a clip as another speaker (resampled by 0.82 to 1.22: pitch, formants and tempo
    together), half of them through another channel."""
    import soxr

    speed = rng.uniform(0.82, 1.22)
    needed = min(int(size * speed) + 64, item["samples"])
    x = soxr.resample(
        data.audio(item, int(rng.integers(item["samples"] - needed + 1)), needed), RATE * speed, RATE, "MQ"
    )[:size]
    x = np.pad(x, (0, size - len(x)))
    return channel(x, rng) if rng.random() < 0.5 else x


def soil(x, rng):
    """x [S] in a room (exponentially decaying reverberation) and with noise of a random colour, 12 to 35 dB below the
    speech."""
    size = int(RATE * 0.4)
    room = rng.standard_normal(size) * 10 ** (-3 * np.arange(size) / RATE / rng.uniform(0.08, 0.5))
    room *= 10 ** (-rng.uniform(6, 25) / 20) / np.sqrt((room**2).sum())
    room[0] = 1.0
    n = 1 << (len(x) + size - 1).bit_length()
    y = np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(room, n), n)[: len(x)]
    colour = (np.fft.rfftfreq(len(x), 1 / RATE) + 50) ** -rng.uniform(0, 1)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(len(x))) * colour, len(x))
    y = y + noise * np.sqrt((x**2).mean() / max((noise**2).mean(), 1e-12)) * 10 ** (-rng.uniform(12, 35) / 20)
    return y * min(1, 0.98 / np.abs(y).max())


def held_out(kind, speaker):
    if kind == "synthetic":
        return speaker % 20 == 7
    if kind == "librispeech":
        return int(speaker) % 9 == 4  # 40 of the 251
    return False


def phoneme_ids(text):
    return [0, *[ID[c] for c in text if c in ID], 0]


def main():
    import soundfile as sf, soxr

    a = argparse.ArgumentParser()
    a.add_argument("--data", required=True)
    a.add_argument("--extra", nargs="*", default=[])
    a.add_argument("--cache", required=True)
    a = a.parse_args()
    cache = Path(a.cache)
    cache.mkdir(parents=True, exist_ok=True)
    data, position = Path(a.data), 0
    folders = [
        ("synthetic", data / "synthetic"),
        ("kathleen", data / "kathleen"),
        ("librispeech", data / "librispeech"),
    ]
    folders += [("synthetic", Path(e)) for e in a.extra]
    with open(cache / "audio.i16", "wb") as out, open(cache / "index.jsonl", "w", encoding="utf8") as index:
        for kind, folder in folders:
            manifests = sorted(folder.glob("manifest*.jsonl"))
            if not manifests:
                raise SystemExit(f"{folder}: has no manifest*.jsonl")
            for line in (line for manifest in manifests for line in manifest.read_text("utf8").splitlines()):
                m = json.loads(line)
                x, rate = sf.read(folder / m["audio"], dtype="float32", always_2d=True)
                x = soxr.resample(x.mean(1), rate, RATE)
                x = x[: len(x) // FRAME * FRAME] if kind == "synthetic" else np.pad(x, (0, -len(x) % FRAME))
                speaker = m.get("speaker", "kathleen")
                item = dict(
                    id=m.get("id", Path(m["audio"]).stem),
                    kind=kind,
                    speaker=f"{kind}-{speaker}",
                    start=position,
                    samples=len(x),
                    validation=held_out(kind, speaker),
                    text=m.get("text", ""),
                )
                if kind == "synthetic":
                    item["phonemes"] = phoneme_ids(m["phonemes"])
                    item["durations"] = m["durations"]
                    assert len(item["phonemes"]) == len(item["durations"]) and sum(m["durations"]) * FRAME == len(x), (
                        item["id"]
                    )
                out.write((np.clip(x, -1, 1) * 32767).astype(np.int16).tobytes())
                index.write(json.dumps(item, ensure_ascii=False) + "\n")
                position += len(x)
    print(f"{position / RATE / 3600:.2f} h")


if __name__ == "__main__":
    main()
