"""Prompts of held-out people, as they are and as users have them, for the set that evaluation.py writes.

Three kinds of people: LibriSpeech speakers with human transcripts; LibriSpeech speakers of whom there is one clip
without
a transcript (kept if the recognizer hears the same words in it at two speeds); volunteers at their own microphones
(speech-to-intent, kept if the recognizer hears the words that are written, at two speeds).
"""

import random, re, zlib
import numpy as np, soxr, torch
from data import augment
from data.corpus import FRAME, ID, RATE, log_mel
from eval.listening import hear, words
from mynah.lm import Aligner, viterbi
from train import common

LOW, HIGH, SHORTEST = 4.0, 9.0, 3.0  # seconds of a prompt; a whole clip may be as short as SHORTEST
SHORT_SECONDS = 2.0
SLOWER = 0.94
PROMPTS_OF_ONE = 4
QUIET_DBFS = -40.0
MP3_COMPRESSION = 0.7  # 31 kbps
TELEPHONE = "telephone"
UNTRANSCRIBED = "untranscribed"


def load_aligner(path):
    aligner = Aligner()
    aligner.load_state_dict(common.weights(path))
    return aligner.eval()


class Words:
    """Where the words of a transcript end in a recording."""

    def __init__(self, aligner):
        from kokoro_onnx.tokenizer import Tokenizer

        self.aligner, self.tokenizer = aligner, Tokenizer()

    def ends(self, wave, text):
        """wave [S], its words -> [(word, end in samples, frames of pause behind it)]; [] if they do not fit."""
        each = text.split()
        spoken = [[ID[c] for c in self.tokenizer.phonemize(w, "en-us") if c in ID and c != " "] for w in each]
        each, spoken = zip(*((w, s) for w, s in zip(each, spoken) if s))
        ids = [0, *spoken[0]]
        lasts = [len(ids) - 1]
        for s in spoken[1:]:
            ids += [ID[" "], *s]
            lasts.append(len(ids) - 1)
        ids.append(0)
        whole = torch.from_numpy(wave[: len(wave) // FRAME * FRAME].astype(np.float32))[None]
        with torch.no_grad():
            durations, score = viterbi(self.aligner(log_mel(whole))[0].numpy(), np.array(ids))
        if durations is None or score < -2.5:
            return []
        edges = np.cumsum(durations)
        return [(w, int(edges[i]) * FRAME, int(durations[i + 1])) for w, i in zip(each, lasts)]


def certain(wave):
    """-> the transcript if the recognizer writes the same for slower speech, else None"""
    heard = hear(wave, RATE)
    slow = soxr.resample(wave, RATE * SLOWER, RATE)
    return heard if len(words(heard)) >= 4 and words(heard) == words(hear(slow, RATE)) else None


def cut_in_pause(found):
    """[(word, end, pause)] -> (samples, transcript) of the longest beginning that ends in a pause; None if there is
    none"""
    fitting = [i for i, (_, end, pause) in enumerate(found) if LOW * RATE <= end <= HIGH * RATE and pause >= 6]
    if not fitting:
        return None
    last = fitting[-1]
    return found[last][1] + found[last][2] * FRAME // 2, " ".join(w for w, _, _ in found[: last + 1])


def prompts_of(item, wave, finder):
    """-> (wave, transcript) of a clip of a held-out person, or None"""
    wave = augment.trimmed(wave)
    seconds = len(wave) / RATE
    if item["kind"] == "librispeech" and item["text"]:
        found = cut_in_pause(finder.ends(wave, item["text"]))
        return found and (wave[: found[0]], re.sub(r"\bi\b", "I", found[1]))
    if item["kind"] == "speech-to-intent":
        heard = SHORTEST <= seconds <= HIGH and certain(wave)
        return (wave, item["text"]) if heard and words(heard) == words(item["text"]) else None
    quiet = [0.0, *(at / RATE for at in silences(wave))]
    for end in [seconds] if SHORTEST <= seconds <= HIGH else [at for at in quiet if LOW <= at <= HIGH][:2]:
        piece = wave[: int(end * RATE)]
        if heard := certain(piece):
            return piece, heard
    return None


def silences(wave, shortest=0.16):
    """-> centres in samples of stretches 30 dB below the loud frames, longest first"""
    level = augment.power_db(wave)
    quiet = np.concatenate([[0], level < np.percentile(level, 95) - 30, [0]]).astype(int)
    starts, ends = np.flatnonzero(np.diff(quiet) == 1), np.flatnonzero(np.diff(quiet) == -1)
    found = [(e - s, (s + e) // 2 * augment.HALF) for s, e in zip(starts.tolist(), ends.tolist())]
    return [at for length, at in sorted(found, reverse=True) if length * augment.HALF >= shortest * RATE]


def held_out_people(corpus, finder, known, save):
    """-> {speaker: [(name, wave, transcript)]}. `known` are results of earlier calls, which hearing makes costly;
    `save()` keeps them."""
    people = {}
    for item in corpus.items:
        if item["validation"] and item["kind"] in ("librispeech", "speech-to-intent"):
            people.setdefault(item["speaker"], []).append(item)
    out = {}
    for speaker, items in sorted(people.items()):
        for item in sorted(items, key=lambda i: zlib.crc32(i["id"].encode()))[: 3 * PROMPTS_OF_ONE]:
            if item["id"] not in known:
                found = prompts_of(item, corpus.audio(item), finder)
                known[item["id"]] = dict(samples=len(found[0]) if found else 0, transcript=found[1] if found else "")
                save()
            at = known[item["id"]]
            if at["samples"]:
                wave = augment.trimmed(corpus.audio(item))[: at["samples"]]
                out.setdefault(speaker, []).append((item["id"], wave, at["transcript"]))
            if len(out.get(speaker, [])) == PROMPTS_OF_ONE:
                break
    return out


def short(wave, found):
    """The words that end within two seconds after speech begins."""
    level = augment.power_db(wave)
    start = int(np.argmax(level > np.percentile(level, 95) - 30)) * augment.HALF
    kept = [(w, end) for w, end, _ in found if end <= start + SHORT_SECONDS * RATE]
    return (wave[: kept[-1][1] + FRAME], " ".join(w for w, _ in kept)) if len(kept) >= 2 else None


def cut_within(found, wave):
    """The recording ends in the middle of a word, which the transcript still has."""
    at = [i for i in range(1, len(found)) if found[i][1] >= 3 * RATE and found[i][1] - found[i - 1][1] >= 8 * FRAME]
    if not at:
        return None
    i = at[len(at) // 2]
    return wave[: (found[i - 1][1] + found[i][1]) // 2], " ".join(w for w, _, _ in found[: i + 1])


def conditions(wave, transcript, seed, finder):
    """-> {condition: (wave, transcript)}; what cannot be made of this prompt is missing."""
    rng = np.random.default_rng(seed)
    found = finder.ends(wave, transcript)
    made = {
        "heard": (wave, hear(wave, RATE)),
        UNTRANSCRIBED: (wave, ""),
        "noise-15": (augment.noisy(wave, rng, 15), transcript),
        "noise-10": (augment.noisy(wave, rng, 10), transcript),
        "room": (augment.room(wave, rng, 6), transcript),
        TELEPHONE: (augment.telephone(augment.levelled(wave)), transcript),
        "mp3": (augment.coded(wave, "mp3", MP3_COMPRESSION), transcript),
        "short": short(wave, found),
        "cut": cut_within(found, wave),
        "quiet": (augment.levelled(wave, QUIET_DBFS), transcript),
    }
    return {name: each for name, each in made.items() if each and (each[1] or name == UNTRANSCRIBED)}


def rotation(people, seed=11):
    """Prompts in turn, one of every person before anyone's second: an endless iterator of (speaker, name, wave,
    transcript)."""
    speakers = sorted(people)
    random.Random(seed).shuffle(speakers)
    turn = 0
    while True:
        for speaker in speakers:
            name, wave, transcript = people[speaker][turn % len(people[speaker])]
            yield speaker, name, wave, transcript
        turn += 1
