"""The recognizer of ../shared/tools/judge, for the scripts that need to know what is said in a recording (pip install
moonshine-voice==0.0.65 num2words)."""

import os, re
import moonshine_voice, numpy as np, soxr
from moonshine_voice import ModelArch, Transcriber
from num2words import num2words

RATE = 16000
# seconds that the recognizer hears at once: it cuts longer recordings itself, anywhere, and says the words around the
# cut twice
LONGEST = 10
_recognizer = None


def hear(wave, rate, longest=LONGEST):
    """float32 [S] mono at `rate` Hz -> what Moonshine tiny-en writes down, in pieces of at most `longest` seconds. Half
    a second of silence around keeps it from inventing words."""
    global _recognizer
    _recognizer = _recognizer or Transcriber(
        os.path.join(os.path.dirname(moonshine_voice.__file__), "assets", "tiny-en"), ModelArch.TINY
    )
    pad = np.zeros(RATE // 2, np.float32)
    lines = [
        _recognizer.transcribe_without_streaming(np.concatenate([pad, x, pad]).tolist(), RATE).lines
        for x in pieces(soxr.resample(wave, rate, RATE).astype(np.float32), longest)
    ]
    return " ".join(line.text.strip() for each in lines for line in each)


def pieces(x, longest):
    """[S] -> pieces of at most `longest` seconds, cut where it is most silent in their second half"""
    while len(x) > longest * RATE:
        window = RATE // 8
        power = np.convolve(x[: longest * RATE] ** 2, np.ones(window), "same")[longest * RATE // 2 :: RATE // 100]
        cut = longest * RATE // 2 + int(power[:-12].argmin()) * (RATE // 100)
        yield x[:cut]
        x = x[cut:]
    yield x


def words(text):
    """Lower-case words without punctuation, numbers spelled: what two texts are compared by."""
    text = re.sub(r"\d+", lambda m: f" {num2words(int(m[0]))} ", text.lower().replace("\u2019", "'"))
    for short, long in (("mr", "mister"), ("mrs", "missus"), ("dr", "doctor"), ("st", "saint")):
        text = re.sub(rf"\b{short}\.", long, text)
    return [w for w in re.findall(r"[a-z']+", text.replace("-", " ")) if w.strip("'")]
