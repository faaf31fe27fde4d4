"""Scores what `pnpm judge SET --name RUN` (or --others) spoke: words by the judge's recognizer, the first word of each
sentence, likeness by two speaker encoders, DNSMOS P808, how it ends. Resumes, since hearing takes long.

usage: python eval/score.py SET/RUN [--groups NAME …]
Reads SET/RUN/GROUP.jsonl, the cases of each group; keeps what it measured of each file in SET/RUN/scored.jsonl; writes
SET/RUN/scores.json and prints a table. Intervals are 95 %, by resampling sentences.
needs: pip install moonshine-voice==0.0.65 num2words jiwer soundfile soxr speechmos onnxruntime; resemblyzer as for
the judge
"""

import argparse, json, os, sys
from pathlib import Path
import jiwer, numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from eval.listening import hear, words
from eval.voices import RATE, at_16k, one_threaded, resemblyzer, xvector

RESAMPLINGS = 1000
TAIL_SECONDS, SOUNDING_DBFS = 0.05, -45.0
LONGEST_FOR_P808 = 12
_models = {}


def quality(x):
    """DNSMOS P808 as speechmos computes it: the mean of windows of 9 s, a second apart. Its three other scores, which
    cost most of the time, are left out."""
    from speechmos import dnsmos

    if "p808" not in _models:
        path = os.path.join(os.path.dirname(dnsmos.__file__), "dnsmos_models", "model_v8.onnx")
        _models["p808"] = one_threaded(path)
    window = int(9.01 * RATE)
    x = x[: LONGEST_FOR_P808 * RATE] / max(1e-6, np.abs(x).max()) * 0.7
    while len(x) < window:
        x = np.append(x, x)
    starts = [at * RATE for at in range(int(len(x) // RATE - 9.01) + 1) if at * RATE + window <= len(x)]
    mel = lambda w: dnsmos.DNSMOS.audio_melspec(None, w[:-160]).astype(np.float32)[None]
    return np.mean([_models["p808"].run(None, {"input_1": mel(x[s : s + window])})[0][0][0] for s in starts])


def measure(case, voices):
    """-> what one file is like. `voices` keeps the embeddings of prompts."""
    x = at_16k(case["wav"])
    tail = 10 * np.log10(np.square(x[-int(TAIL_SECONDS * RATE) :]).mean() + 1e-12)
    out = dict(wav=case["wav"], heard=hear(x, RATE), seconds=len(x) / RATE, tail=float(tail), p808=float(quality(x)))
    if prompt := case.get("prompt"):
        if prompt not in voices:
            p = at_16k(prompt)
            voices[prompt] = resemblyzer(p), xvector(p)
        out["resemblyzer"], out["xvector"] = (float(f(x) @ v) for f, v in zip((resemblyzer, xvector), voices[prompt]))
    return out


def errors_of(text, heard):
    """-> [words, substitutions, deletions, insertions, 1 if the first word is wrong or something is said before it]"""
    reference = words(text)
    r = jiwer.process_words(" ".join(reference), " ".join(words(heard)) or "nothing")
    first = r.alignments[0][0]
    right = first.type == "equal" and first.hyp_start_idx == 0
    return [len(reference), r.substitutions, r.deletions, r.insertions, int(not right)]


def interval(counts):
    """Rows of `errors_of` -> 95 % interval of the word error rate in %"""
    rng = np.random.default_rng(0)
    sums = counts[rng.integers(len(counts), size=(RESAMPLINGS, len(counts)))].sum(1)
    return np.percentile(100 * sums[:, 1:4].sum(1) / sums[:, 0], [2.5, 97.5]).round(1).tolist()


def summary(group, rows):
    counts = np.array([errors_of(row["text"], row["heard"]) for row in rows])
    total = counts.sum(0)
    out = dict(group=group, n=len(rows), wer=100 * total[1:4].sum() / total[0], interval=interval(counts))
    out |= dict(substitutions=int(total[1]), deletions=int(total[2]), insertions=int(total[3]), words=int(total[0]))
    out["first"] = 100 * total[4] / len(rows)
    for key, name in (("resemblyzer", "similarity"), ("xvector", "xvector"), ("p808", "p808")):
        values = [row[key] for row in rows if key in row]
        out[name] = float(np.mean(values)) if values else None
    out["sounding"] = sum(row["tail"] > SOUNDING_DBFS for row in rows)
    return out


def line(s):
    cell = lambda value, digits: "–" if value is None else f"{value:.{digits}f}"
    counts = f"{s['substitutions']} {s['deletions']} {s['insertions']}"
    low, high = s["interval"]
    wer = f"{s['wer']:.1f} [{low:.1f}, {high:.1f}] ({counts})"
    cells = [s["group"], s["n"], wer, cell(s["first"], 1), cell(s["similarity"], 3), cell(s["xvector"], 3)]
    return f"| {' | '.join(map(str, [*cells, cell(s['p808'], 2), s['sounding']]))} |"


TITLES = "| | sentences | WER % [95 %] (S D I) | first word wrong % | similarity | by x-vector | P808 | end sounding |"
HEAD = TITLES + "\n" + "|---" * TITLES.count(" | ") + "|---|"


def main():
    a = argparse.ArgumentParser()
    a.add_argument("run")
    a.add_argument("--groups", nargs="*", default=[])
    a = a.parse_args()
    run, voices, table = Path(a.run), {}, []
    store = run / "scored.jsonl"
    scored = {m["wav"]: m for m in map(json.loads, store.read_text("utf8").splitlines())} if store.exists() else {}
    print(HEAD)
    with store.open("a", encoding="utf8") as out:
        for path in sorted(run.glob("*.jsonl")):
            if path.name in ("scored.jsonl", "spoken.jsonl"):
                continue
            cases = [json.loads(l) for l in path.read_text("utf8").splitlines()]
            if a.groups and path.stem not in a.groups:
                continue
            for case in cases:
                if case["wav"] not in scored:
                    scored[case["wav"]] = measure(case, voices)
                    out.write(json.dumps(scored[case["wav"]]) + "\n"), out.flush()
            table.append(summary(cases[0]["group"], [scored[c["wav"]] | {"text": c["text"]} for c in cases]))
            print(line(table[-1]), flush=True)
    kept = json.loads((run / "scores.json").read_text("utf8")) if (run / "scores.json").exists() else []
    fresh = {s["group"] for s in table}
    table += [s for s in kept if s["group"] not in fresh]
    (run / "scores.json").write_text(json.dumps(table, indent=1), "utf8")


if __name__ == "__main__":
    main()
