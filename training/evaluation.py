"""Writes the material of docs/results.md: sentences of held-out speakers, each with another clip of the same speaker as prompt.

usage: python evaluation.py --cache CACHE --out DIR [--count 60]
Writes DIR/ID.input.wav, DIR/ID.prompt.wav and DIR/set.jsonl; test/judge/main.ts speaks them, ../shared/tools/judge judges them.
"""
import argparse, json, random
from pathlib import Path
import soundfile as sf
from corpus import Corpus

a = argparse.ArgumentParser()
a.add_argument("--cache", required=True), a.add_argument("--out", required=True), a.add_argument("--count", type=int, default=60)
a = a.parse_args()
corpus, out, rng = Corpus(a.cache), Path(a.out), random.Random(11)
out.mkdir(parents=True, exist_ok=True)
speakers = {}
for item in corpus.items:
    if item["kind"] == "synthetic" and item["validation"]:
        speakers.setdefault(item["speaker"], []).append(item)
rows = []
for speaker, items in sorted(speakers.items()):
    for item in items:
        prompts = [i for i in items if i["id"] != item["id"] and 2.5 * 24000 <= i["samples"] <= 9 * 24000]
        if prompts:
            rows.append((speaker, item, rng.choice(prompts)))
rng.shuffle(rows)
with open(out / "set.jsonl", "w", encoding="utf8") as f:
    for speaker, item, prompt in rows[: a.count]:
        sf.write(out / f"{item['id']}.input.wav", corpus.audio(item), 24000)
        sf.write(out / f"{item['id']}.prompt.wav", corpus.audio(prompt), 24000)
        f.write(json.dumps(dict(id=item["id"], speaker=speaker, text=item["text"], transcript=prompt["text"])) + "\n")
print(f"{min(a.count, len(rows))} sentences, {len({r[0] for r in rows[: a.count]})} speakers")
