"""Augmentation: a recording as another speaker, through another channel, and as users have it (noise, rooms,
telephones,
coding). Everything is float [S] at 24 kHz in and out, of the same length unless it says otherwise."""

import io
import numpy as np, soundfile as sf, soxr

RATE = 24000
HALF = 300  # samples of half a frame
SPEECH_DBFS, PEAK = -20.0, 0.97  # what @mynah/core makes of a prompt


def power_db(x):
    """[S] -> dB of every half frame [S / 300]"""
    return 10 * np.log10(np.square(x[: len(x) // HALF * HALF].reshape(-1, HALF)).mean(1) + 1e-10)


def speech_db(x):
    """dBFS of what is spoken: of the half frames within 30 dB of the loud ones"""
    level = power_db(x)
    loud = level[level > np.percentile(level, 95) - 30]
    return 10 * np.log10((10 ** (loud / 10)).mean())


def levelled(x, dbfs=SPEECH_DBFS):
    """x with its speech at `dbfs`, as far as its peaks allow."""
    return x * min(10 ** ((dbfs - speech_db(x)) / 20), PEAK / max(np.abs(x).max(), 1e-6))


def trimmed(x, margin=0.4):
    """x without the silence at its ends that is longer than `margin` seconds; shorter."""
    level = power_db(x)
    loud = np.flatnonzero(level > np.percentile(level, 95) - 30)
    more = int(margin * RATE)
    return x[max(0, loud[0] * HALF - more) : (loud[-1] + 1) * HALF + more]


def fitted(y, size):
    """y cut or padded with silence to `size` samples."""
    return np.pad(y[:size], (0, max(0, size - len(y))))


def channel(x, rng):
    """x as another microphone hears it: a smooth random equalizer, often without what is above 8 kHz (as most
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
    speed = rng.uniform(0.82, 1.22)
    needed = min(int(size * speed) + 64, item["samples"])
    x = data.audio(item, int(rng.integers(item["samples"] - needed + 1)), needed)
    x = fitted(soxr.resample(x, RATE * speed, RATE, "MQ"), size)
    return channel(x, rng) if rng.random() < 0.5 else x


def room(x, rng, direct_db=None):
    """x in a room: exponentially decaying reverberation, 6 to 25 dB below the direct sound."""
    size = int(RATE * 0.4)
    response = rng.standard_normal(size) * 10 ** (-3 * np.arange(size) / RATE / rng.uniform(0.08, 0.5))
    below = rng.uniform(6, 25) if direct_db is None else direct_db
    response *= 10 ** (-below / 20) / np.sqrt((response**2).sum())
    response[0] = 1.0
    n = 1 << (len(x) + size - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(response, n), n)[: len(x)]


def noisy(x, rng, decibels):
    """x with noise of a random colour, `decibels` below it."""
    colour = (np.fft.rfftfreq(len(x), 1 / RATE) + 50) ** -rng.uniform(0, 1)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(len(x))) * colour, len(x))
    return x + noise * np.sqrt((x**2).mean() / max((noise**2).mean(), 1e-12)) * 10 ** (-decibels / 20)


def soil(x, rng):
    """x in a room and with noise 12 to 35 dB below the speech."""
    y = noisy(room(x, rng), rng, rng.uniform(12, 35))
    return y * min(1, 0.98 / np.abs(y).max())


def telephone(x, low=300, high=3400):
    """x at 8 kHz, its band limited, in μ-law of 8 bits (ITU-T G.711, as the formula)."""
    y = soxr.resample(x, RATE, 8000)
    f = np.fft.rfftfreq(len(y), 1 / 8000)
    band = np.sqrt(1 + (low / np.maximum(f, 1)) ** 8) * np.sqrt(1 + (f / high) ** 16)
    y = np.clip(np.fft.irfft(np.fft.rfft(y) / band, len(y)), -1, 1)
    code = np.round(np.sign(y) * np.log1p(255 * np.abs(y)) / np.log(256) * 127) / 127
    return fitted(soxr.resample(np.sign(code) * np.expm1(np.abs(code) * np.log(256)) / 255, 8000, RATE), len(x))


CODERS = {"mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS")}


def coded(x, coder, compression):
    """x through mp3 or opus, where libsndfile has them; `compression` 0 to 1. mp3 at 0.9 has about 32 kbps here."""
    form, subtype = CODERS[coder]
    data = io.BytesIO()
    sf.write(data, x.astype(np.float32), RATE, format=form, subtype=subtype, compression_level=compression)
    data.seek(0)
    y, rate = sf.read(data, dtype="float32")
    return in_step(soxr.resample(y, rate, RATE) if rate != RATE else y, x)


def in_step(y, x, most=4096):
    """y moved by up to `most` samples so that it lies on x: without its coder's delay."""
    n = 1 << (len(x) + len(y)).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(y, n) * np.conj(np.fft.rfft(x, n)), n)
    lag = int(np.argmax(np.concatenate([likeness[-most:], likeness[:most]]))) - most
    return fitted(y[lag:] if lag >= 0 else np.pad(y, (-lag, 0)), len(x))


def as_users_have_it(x, rng):
    """x as one of the recordings that voices are made of, levelled; and which one it is."""
    kind = str(rng.choice(["soil", "telephone", "mp3", "opus", "both"], p=[0.5, 0.2, 0.12, 0.08, 0.1]))
    if kind in ("soil", "both"):
        x = soil(x, rng)
    if kind in ("telephone", "both"):
        x = telephone(x, rng.uniform(150, 300), rng.uniform(3300, 3800))
    if kind in CODERS:
        x = coded(x, kind, rng.uniform(0.7, 0.95) if kind == "mp3" else rng.uniform(0.9, 0.99))
    return levelled(x), kind
