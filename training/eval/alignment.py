"""How far the aligner's word boundaries lie from the corpus' exact ones, on held-out speakers.

usage: python eval/alignment.py --cache CACHE --aligner RUN/last.pt
"""

import argparse, sys
from pathlib import Path
import numpy as np, torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import corpus
from train import common
from mynah.lm import Aligner, viterbi


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--cache", required=True), a.add_argument("--aligner", required=True)
    a = a.parse_args()
    torch.set_num_threads(1)
    aligner = Aligner().eval()
    aligner.load_state_dict(common.weights(a.aligner))
    data, errors, clips = corpus.Corpus(a.cache), [], 0
    for item in data.items:
        if not item["validation"] or "durations" not in item:
            continue
        with torch.no_grad():
            durations, _ = viterbi(
                aligner(corpus.log_mel(torch.from_numpy(data.audio(item))[None]))[0].numpy(), np.array(item["phonemes"])
            )
        ids = item["phonemes"]
        starts = [i for i in range(1, len(ids) - 1) if ids[i] != corpus.ID[" "] and ids[i - 1] in (0, corpus.ID[" "])]
        edges = [
            np.concatenate([[0], np.cumsum(d)]) * corpus.FRAME / corpus.RATE for d in (item["durations"], durations)
        ]
        errors += [abs(edges[1][i] - edges[0][i]) for i in starts]
        clips += 1
    print(
        f"{clips} clips, {len(errors)} words: median error {1000 * np.median(errors):.0f} ms, "
        f"mean {1000 * np.mean(errors):.0f} ms, 95 % within {1000 * np.percentile(errors, 95):.0f} ms"
    )


if __name__ == "__main__":
    main()
