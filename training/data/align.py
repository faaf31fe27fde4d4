"""Phonemes and their durations of a recording, from the aligner's log-probabilities per frame [T, S]."""

import numpy as np
from data.corpus import FRAME, ID
from mynah.lm import viterbi

COMMA, SPACE, BOUNDARY = ID[","], ID[" "], 0
MARKS = [ID[c] for c in ",.;:!?"]
SILENT = [BOUNDARY, SPACE, *MARKS]  # what may be silence
SHORTEST_PAUSE = 8  # frames
QUIET_LOG_PROB = -0.3


def quiet_frames(x):
    """x [S] -> [T] whether a frame is nearly as quiet as the quietest of the recording, and 25 dB below the loud
    ones"""
    level = 10 * np.log10(np.square(x[: len(x) // FRAME * FRAME].reshape(-1, FRAME)).mean(1) + 1e-10)
    return (level < np.percentile(level, 95) - 25) & (level < np.percentile(level, 5) + 8)


def with_silence(log_probs, quiet):
    """Lets silence be anywhere between two words. The aligner knows pauses at punctuation only, as the synthetic corpus
    has them; people pause where their texts have none, and their silence would go to the last sound before it."""
    p = log_probs.copy()
    p[:, SILENT] = p[:, SILENT].max(1, keepdims=True)
    p[np.ix_(quiet, SILENT)] = np.maximum(p[np.ix_(quiet, SILENT)], QUIET_LOG_PROB)
    return p


def align(log_probs, x, ids):
    """-> phonemes, durations, mean log-probability; None if the recording has fewer frames than phonemes"""
    durations, score = viterbi(with_silence(log_probs, quiet_frames(x)), np.array(ids))
    return None if durations is None else (*punctuate(ids, durations.tolist()), score)


def punctuate(ids, durations):
    """A pause between words that have no punctuation between them becomes a comma and its space."""
    p, d = [], []
    for i, n in zip(ids, durations):
        if i == SPACE and n >= SHORTEST_PAUSE and p[-1] not in MARKS:
            p, d = [*p, COMMA, SPACE], [*d, n - 1, 1]
        else:
            p, d = [*p, i], [*d, n]
    return p, d


def heard(log_probs):
    """-> the phonemes of the likeliest frames, and their durations; silence at both ends"""
    labels = log_probs.argmax(1)
    labels[0] = labels[-1] = BOUNDARY
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    return labels[starts].tolist(), np.diff(np.append(starts, len(labels))).tolist()


def stretch(durations, speed, total):
    """Durations at another speed: rounded boundaries, every phoneme at least one frame, sum = total; None if that
    cannot be."""
    edges = np.round(np.cumsum(durations) / speed).astype(int)
    edges[-1] = total
    for i in range(len(edges)):
        edges[i] = max(edges[i], (edges[i - 1] if i else 0) + 1)
    edges[-1] = total
    for i in range(len(edges) - 2, -1, -1):
        edges[i] = min(edges[i], edges[i + 1] - 1)
    d = np.diff(edges, prepend=0)
    return d.tolist() if d.min() >= 1 else None
