"""How much of each codebook is used: share of codewords that occur, and perplexity (2^entropy; the size of the codebook
if all were equally frequent).

usage: python eval/codebooks.py --cache TOKENS [--size 1024]        TOKENS made by tokenize_corpus.py; speed variants
    count
    as what they are, other sounds
"""

import argparse, sys
from pathlib import Path
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data.tokens import Tokens


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--cache", required=True), a.add_argument("--size", type=int, default=1024)
    a = a.parse_args()
    codes = np.concatenate(Tokens(a.cache).parts)
    print(f"{len(codes)} frames\n\n| codebook | used % | perplexity |\n|---|---|---|")
    for level in range(codes.shape[1]):
        counts = np.bincount(codes[:, level], minlength=a.size)
        p = counts[counts > 0] / counts.sum()
        print(f"| {level + 1} | {100 * (counts > 0).mean():.1f} | {2 ** -(p * np.log2(p)).sum():.0f} |")


if __name__ == "__main__":
    main()
