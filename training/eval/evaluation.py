"""Writes the held-out set of docs/results.md. Resumes; `pnpm judge DIR` speaks and judges it.

usage: python eval/evaluation.py --cache CACHE --data ../../shared/data --out DIR [--count 110] [--people 40]
Writes DIR/*.wav and DIR/set.jsonl, one row a line: {id, group, speaker, text, input, prompt, transcript}, where `input`
is a recording that says `text`
and `prompt` one of the same speaker that says `transcript`; a row without `input` has no recording to compare with, one
without `transcript` is not to be spoken.
- synthetic: every clip of the held-out synthetic speakers with another one of theirs as prompt; up to --count, texts
  that are in no clip.
- human: the same texts, prompted with the held-out LibriSpeech speakers in turn. LibriSpeech comes without transcripts
  here: a prompt is kept if Moonshine hears
  the same words in it at two speeds.
- human rest: what those speakers say after the prompt: how alike two recordings of one person are. Its text is what
  Moonshine hears, so its WER says what the codec loses, not what people lose.
- kathleen: human recordings with known texts, for the WER of human speech. She is a training speaker: never spoken
  here, only read.
"""

import argparse, json, random, sys
from pathlib import Path
import numpy as np, soundfile as sf, soxr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data.corpus import RATE, Corpus
from eval.listening import hear, words

KATHLEEN = 50
PROMPT_SECONDS, SHORTEST_PROMPT = (4, 9), 3
SLOWER = 0.94
REST_SECONDS = 2.5


def pauses(wave, shortest=0.16):
    """-> [(centre in samples, length in samples)] of stretches 30 dB below the loud frames, longest first"""
    hop = RATE // 100
    level = 10 * np.log10(np.square(wave[: len(wave) // hop * hop].reshape(-1, hop)).mean(1) + 1e-10)
    quiet = np.concatenate([[0], level < np.percentile(level, 95) - 30, [0]]).astype(int)
    starts, ends = np.flatnonzero(np.diff(quiet) == 1), np.flatnonzero(np.diff(quiet) == -1)
    found = [
        ((s + e) // 2 * hop, (e - s) * hop)
        for s, e in zip(starts.tolist(), ends.tolist())
        if (e - s) * hop >= shortest * RATE
    ]
    return sorted(found, key=lambda pause: -pause[1])


def certain(wave):
    """-> the transcript if it is the same for slower speech, else None"""
    heard = hear(wave, RATE)
    slow = soxr.resample(wave, RATE * SLOWER, RATE)
    return heard if len(words(heard)) >= 4 and words(heard) == words(hear(slow, RATE)) else None


def human_prompt(wave):
    """-> (samples of the prompt, transcript): cut in a pause, or the whole of a short clip; None if its words are not
    certain"""
    low, high = (s * RATE for s in PROMPT_SECONDS)
    ends = (
        [len(wave)]
        if SHORTEST_PROMPT * RATE <= len(wave) <= high
        else [at for at, _ in pauses(wave) if low <= at <= high][:2]
    )
    for end in ends:
        if transcript := certain(wave[:end]):
            return end, transcript
    return None


class Set:
    def __init__(self, folder):
        self.folder, self.rows = folder, []

    def write(self, name, wave):
        sf.write(self.folder / f"{name}.wav", wave, RATE)
        return f"{name}.wav"

    def add(self, group, name, speaker, text, **files):
        self.rows.append(dict(id=f"{group}-{name}".replace(" ", "-"), group=group, speaker=speaker, text=text, **files))


def clips_of(corpus, kind, held_out=True):
    speakers = {}
    for item in corpus.items:
        if item["kind"] == kind and (item["validation"] or not held_out):
            speakers.setdefault(item["speaker"], []).append(item)
    return speakers


def synthetic(corpus, out, rng):
    for speaker, items in sorted(clips_of(corpus, "synthetic").items()):
        for item in items:
            prompts = [i for i in items if i["id"] != item["id"] and 2.5 * RATE <= i["samples"] <= 9 * RATE]
            if prompts:
                prompt = rng.choice(prompts)
                files = {
                    f: out.write(f"{i['id']}.clip", corpus.audio(i)) for f, i in (("input", item), ("prompt", prompt))
                }
                out.add("synthetic", item["id"], speaker, item["text"], **files, transcript=prompt["text"])


def new_texts(corpus, out, texts, count, rng):
    """Sentences that no clip says, in the voices of the held-out synthetic speakers: rows without input, up to `count`
    of the group."""
    seen = {item["text"] for item in corpus.items}
    texts = [t for t in texts if t not in seen and 5 <= len(t.split()) <= 20]
    voices = list({row["speaker"]: row for row in out.rows}.values())
    for n, text in enumerate(rng.sample(texts, max(0, count - len(out.rows)))):
        voice = voices[n % len(voices)]
        out.add(
            "synthetic", f"new-{n:02d}", voice["speaker"], text, prompt=voice["prompt"], transcript=voice["transcript"]
        )


def humans(corpus, out, cached, most):
    found = json.loads(cached.read_text("utf8")) if cached.exists() else {}
    spoken = [row["text"] for row in out.rows]
    prompts, rests = [], []
    for speaker, (item, *_) in sorted(clips_of(corpus, "librispeech").items())[:most]:
        wave = corpus.audio(item)
        if item["id"] not in found:
            end, transcript = human_prompt(wave) or (0, "")
            rest = wave[end:] if end and len(wave) - end >= REST_SECONDS * RATE else None
            found[item["id"]] = dict(end=end, transcript=transcript, rest="" if rest is None else hear(rest, RATE))
            cached.write_text(json.dumps(found), "utf8")
        at = found[item["id"]]
        if at["transcript"]:
            prompt = dict(prompt=out.write(f"{item['id']}.prompt", wave[: at["end"]]), transcript=at["transcript"])
            prompts.append((speaker, prompt))
            if at["rest"]:
                rests.append(
                    (
                        item["id"],
                        speaker,
                        at["rest"],
                        dict(input=out.write(f"{item['id']}.rest", wave[at["end"] :]), prompt=prompt["prompt"]),
                    )
                )
    random.Random(11).shuffle(prompts)
    for n, text in enumerate(spoken if prompts else []):
        speaker, prompt = prompts[n % len(prompts)]
        out.add("human", f"{n:03d}", speaker, text, **prompt)
    for name, speaker, text, files in rests:
        out.add("human rest", name, speaker, text, **files)
    return len(prompts)


def kathleen(corpus, out):
    (items,) = clips_of(corpus, "kathleen", held_out=False).values()
    chosen = random.Random(11).sample(items, KATHLEEN + 1)
    files = [out.write(f"kathleen-{i['id']}.input", corpus.audio(i)) for i in chosen]
    for item, file, prompt in zip(chosen, files, files[1:]):
        out.add("kathleen", item["id"], item["speaker"], item["text"], input=file, prompt=prompt)


def main():
    a = argparse.ArgumentParser()
    for name in ("cache", "data", "out"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--count", type=int, default=110)
    a.add_argument("--people", type=int, default=40)
    a = a.parse_args()
    corpus, out, rng = Corpus(a.cache), Set(Path(a.out)), random.Random(11)
    out.folder.mkdir(parents=True, exist_ok=True)
    texts = (Path(a.data) / "texts.txt").read_text("utf8").splitlines()
    synthetic(corpus, out, rng)
    new_texts(corpus, out, texts, a.count, rng)
    rng.shuffle(out.rows)  # so that a part of it has every speaker
    people = humans(corpus, out, out.folder / "humans.json", a.people)
    kathleen(corpus, out)
    (out.folder / "set.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in out.rows), "utf8"
    )
    groups = sorted({row["group"] for row in out.rows})
    print(f"{people} human prompts; " + ", ".join(f"{g}: {sum(row['group'] == g for row in out.rows)}" for g in groups))


if __name__ == "__main__":
    main()
