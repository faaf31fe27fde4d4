"""Transcribes the training clips of the cache that have no text, for `tokenize_corpus.py --transcripts`, which leaves
out what then aligns badly. Resumes.

usage: python data/transcribe.py --cache CACHE --out TRANSCRIPTS.jsonl        (pip install moonshine-voice==0.0.65)
Writes {"id", "text"} a line.
"""

import argparse, json, os, sys
from pathlib import Path
import moonshine_voice, soxr
from moonshine_voice import ModelArch, Transcriber

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import corpus


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--cache", required=True), a.add_argument("--out", required=True)
    a = a.parse_args()
    recognizer = Transcriber(
        os.path.join(os.path.dirname(moonshine_voice.__file__), "assets", "tiny-en"), ModelArch.TINY
    )
    data, path = corpus.Corpus(a.cache), Path(a.out)
    done = {json.loads(line)["id"] for line in path.read_text("utf8").splitlines()} if path.exists() else set()
    with open(path, "a", encoding="utf8") as out:
        for item in data.items:
            if item["text"] or "durations" in item or item["validation"] or item["id"] in done:
                continue
            x = soxr.resample(data.audio(item), corpus.RATE, 16000)
            text = " ".join(
                line.text.strip() for line in recognizer.transcribe_without_streaming(x.tolist(), 16000).lines
            )
            out.write(json.dumps({"id": item["id"], "text": text}, ensure_ascii=False) + "\n"), out.flush()


if __name__ == "__main__":
    main()
