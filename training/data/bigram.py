"""Which phoneme follows which: counts of the texts that are trained on, for the aligner, which hears prompts without a
transcript.

usage: python data/bigram.py --tokens TOKENS
Reads the folders of tokenize_corpus.py and writes assets/bigram.json, [S][S]: row a counts what came after phoneme a.
Punctuation counts as a space, and id 0 begins and ends a text.
"""

import argparse, json, sys
from pathlib import Path
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data.corpus import ID, SYMBOLS

ASSET = Path(__file__).parents[1] / "assets/bigram.json"
BOUNDARY, SPACE = 0, ID[" "]
MARKS = {ID[c] for c in ' ;:,.!?"()'}
TEXTLESS = "common-voice"  # its phonemes are what the aligner hears in other languages


def plain(ids):
    """Phonemes with one space between words, and no other mark."""
    out = [BOUNDARY]
    for i in ids[1:-1]:
        if i not in MARKS:
            out.append(i)
        elif out[-1] not in (SPACE, BOUNDARY):
            out.append(SPACE)
    return [*(out[:-1] if out[-1] == SPACE else out), BOUNDARY]


def count(texts):
    counts = np.zeros((len(SYMBOLS), len(SYMBOLS)), int)
    for ids in texts:
        ids = plain(ids)
        np.add.at(counts, (ids[:-1], ids[1:]), 1)
    return counts


def log_probabilities(counts):
    """Witten-Bell smoothing with the frequencies of single phonemes, and these with equal ones -> float32 [S, S]"""
    each = counts.sum(0)
    kinds = (each > 0).sum()
    single = (each + kinds / len(each)) / (each.sum() + kinds)
    kinds = (counts > 0).sum(1, keepdims=True)
    total = np.maximum(counts.sum(1, keepdims=True) + kinds, 1)
    p = np.where(kinds > 0, (counts + kinds * single) / total, single)
    return np.log(p).astype(np.float32)


def load():
    """-> log p(phoneme | the one before), float32 [S, S]"""
    return log_probabilities(np.array(json.loads(ASSET.read_text("utf8"))))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--tokens", required=True)
    a = a.parse_args()
    texts = {}
    for path in sorted(Path(a.tokens).rglob("index.jsonl")):
        for line in map(json.loads, path.read_text("utf8").splitlines()):
            if not line["validation"] and line["kind"] != TEXTLESS:
                texts[line["id"]] = line["phonemes"]
    counts = count(texts.values())
    ASSET.write_text("[" + ",\n".join(json.dumps(row.tolist(), separators=(",", ":")) for row in counts) + "]\n", "utf8")
    print(f"{len(texts)} texts, {counts.sum()} phonemes, {(counts > 0).sum()} pairs")


if __name__ == "__main__":
    main()
