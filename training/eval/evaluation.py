"""Writes the held-out set of docs/results.md. Resumes; `pnpm judge DIR` speaks it, eval/score.py judges it.

usage: python eval/evaluation.py --cache CACHE --data ../../shared/data --bundle ../packages/voice-en --out DIR
       [--count 200] [--conditions 40]
Writes DIR/*.wav and DIR/set.jsonl, one row a line: {id, group, speaker, text, input, prompt, person, transcript}, where
`input` is a recording that says `text` and `prompt` one of the same speaker that says `transcript`; `person` is the
recording that the voice is to be like, where that is not the prompt. A row without `input` has no recording to compare
with, one without `transcript` is not to be spoken.
- synthetic: every clip of the held-out synthetic speakers with another one of theirs as prompt; up to --count, texts
  that are in no clip.
- human: the same texts, prompted with held-out people in turn (people.py).
- heard, untranscribed, noise-15, noise-10, room, telephone, mp3, short, cut, quiet: the first --conditions rows of human, each
prompt as
  users have it: with a recognizer's transcript, with none (""), with noise 15 and 10 dB below it, in a room, through a telephone (8
  kHz,
  μ-law), as mp3 of 31 kbps, cut to two seconds, ending within a word, at −40 dBFS. Likeness is to the clean prompt.
- kathleen: human recordings with known texts, for the WER of human speech. She is a training speaker: never spoken
  here, only read.
"""

import argparse, json, random, sys, zlib
from pathlib import Path
import soundfile as sf

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data.corpus import RATE, Corpus
from eval.people import Words, conditions, held_out_people, load_aligner, rotation

KATHLEEN = 50


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


def humans(out, people, finder, most):
    """Rows of people: the texts of the rows there are, and the first `most` of them with prompts as users have them."""
    spoken = [row["text"] for row in out.rows]
    for n, (text, (speaker, name, wave, transcript)) in enumerate(zip(spoken, rotation(people))):
        prompt = out.write(f"{name}.prompt", wave)
        out.add("human", f"{n:03d}", speaker, text, prompt=prompt, transcript=transcript)
        if n >= most:
            continue
        for condition, (soiled, said) in conditions(wave, transcript, zlib.crc32(name.encode()), finder).items():
            file = out.write(f"{name}.{condition}", soiled)
            out.add(condition, f"{n:03d}", speaker, text, prompt=file, person=prompt, transcript=said)


def kathleen(corpus, out):
    (items,) = clips_of(corpus, "kathleen", held_out=False).values()
    chosen = random.Random(11).sample(items, KATHLEEN + 1)
    files = [out.write(f"kathleen-{i['id']}.input", corpus.audio(i)) for i in chosen]
    for item, file, prompt in zip(chosen, files, files[1:]):
        out.add("kathleen", item["id"], item["speaker"], item["text"], input=file, prompt=prompt)


def main():
    a = argparse.ArgumentParser()
    for name in ("cache", "data", "out", "bundle"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--count", type=int, default=200)
    a.add_argument("--conditions", type=int, default=40)
    a = a.parse_args()
    corpus, out, rng = Corpus(a.cache), Set(Path(a.out)), random.Random(11)
    out.folder.mkdir(parents=True, exist_ok=True)
    texts = (Path(a.data) / "texts.txt").read_text("utf8").splitlines()
    synthetic(corpus, out, rng)
    new_texts(corpus, out, texts, a.count, rng)
    rng.shuffle(out.rows)  # so that a part of it has every speaker
    finder = Words(load_aligner(f"{a.bundle}/aligner.safetensors"))
    cached = out.folder / "people.json"
    known = json.loads(cached.read_text("utf8")) if cached.exists() else {}
    people = held_out_people(corpus, finder, known, lambda: cached.write_text(json.dumps(known), "utf8"))
    humans(out, people, finder, a.conditions)
    kathleen(corpus, out)
    rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in out.rows)
    (out.folder / "set.jsonl").write_text(rows, "utf8")
    groups = sorted({row["group"] for row in out.rows})
    counts = ", ".join(f"{g}: {sum(row['group'] == g for row in out.rows)}" for g in groups)
    print(f"{len(people)} people, {sum(map(len, people.values()))} prompts; {counts}")


if __name__ == "__main__":
    main()
