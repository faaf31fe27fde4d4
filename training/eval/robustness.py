"""Hears what `pnpm judge:robustness OUT` spoke, and counts what went wrong. Resumes, and may run while that still
speaks.

usage: python eval/robustness.py OUT [--shard 1/1] [--report]        --report hears nothing, it only counts
Writes OUT/heard-SHARD.jsonl and OUT/robustness.json. Counted are utterances that are
- endless: more than ENDLESS seconds a phoneme (and a second more), or stopped by a limit;
- empty: no speech in them, or less than EMPTY seconds of it a phoneme;
- repeating: two or more words said again at once, or three or more said oftener than in the text. One word said twice
  is listed, not counted: the recognizer does that, too.
  It also says words again where it cuts a recording, so what repeats is heard once more in pieces of 5 s, and counts if
  it repeats there as well.
"""

import argparse, collections, json, sys
from pathlib import Path
import soundfile as sf

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from eval.listening import hear, words

ENDLESS = 0.2  # clips of the corpus take 0.046 to 0.161 s a phoneme (median 0.063), stress marks and spaces included
EMPTY = 0.02
SECOND = 5  # seconds of a piece when something is heard again


def count(sequence, n):
    return collections.Counter(tuple(sequence[i : i + n]) for i in range(len(sequence) - n + 1))


def adjacent(sequence, n):
    """How often each phrase of n words follows itself."""
    return collections.Counter(
        tuple(sequence[i : i + n])
        for i in range(len(sequence) - 2 * n + 1)
        if sequence[i : i + n] == sequence[i + n : i + 2 * n]
    )


def repeated(heard, text):
    """-> the longest phrase that is heard again though the text does not say it again, as words; [] if there is none"""
    for n in range(len(heard) // 2, 0, -1):
        found = adjacent(heard, n) - adjacent(text, n)
        if n >= 3:
            found += collections.Counter({p: c for p, c in count(heard, n).items() if c > max(1, count(text, n)[p])})
        if found:
            return list(next(iter(found)))
    return []


def judge(line, heard):
    phrase = repeated(words(heard), words(line["text"]))
    return dict(
        endless=line["seconds"] > ENDLESS * line["phonemes"] + 1 or any("cut" in w for w in line["warnings"]),
        empty=line["speechDbfs"] is None or line["speechSeconds"] < EMPTY * line["phonemes"],
        repeating=len(phrase) > 1,
        repeated=" ".join(phrase),
    )


def read(paths):
    return [json.loads(line) for path in paths for line in path.read_text("utf8").splitlines()]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("out")
    a.add_argument("--shard", default="1/1")
    a.add_argument("--report", action="store_true")
    a = a.parse_args()
    out, (shard, shards) = Path(a.out), map(int, a.shard.split("/"))
    lines = sorted(read(out.glob("checked-*.jsonl")), key=lambda line: line["id"])
    heard = {h["id"]: h["heard"] for h in read(out.glob("heard-*.jsonl"))}
    with open(out / f"heard-{shard}-of-{shards}.jsonl", "a", encoding="utf8") as f:
        for line in [] if a.report else lines[shard - 1 :: shards]:
            if line["id"] not in heard:
                wave, rate = sf.read(line["wav"], dtype="float32")
                heard[line["id"]] = hear(wave, rate)
                if judge(line, heard[line["id"]])["repeating"]:
                    heard[line["id"]] = hear(wave, rate, SECOND)
                f.write(json.dumps(dict(id=line["id"], heard=heard[line["id"]])) + "\n"), f.flush()
    known = [
        line | judge(line, heard[line["id"]]) | {"heard": heard[line["id"]]} for line in lines if line["id"] in heard
    ]
    counts = {key: sum(line[key] for line in known) for key in ("endless", "empty", "repeating")}
    report = dict(spoken=len(lines), judged=len(known), sentences=len({line["text"] for line in known}), **counts)
    report["oneWordTwice"] = sum(len(line["repeated"].split()) == 1 for line in known)
    report["secondsPerPhoneme"] = max((line["seconds"] / line["phonemes"] for line in known), default=0)
    report["examples"] = [
        {k: line[k] for k in ("id", "text", "heard", "endless", "empty", "repeated", "seconds")}
        for line in known
        if any(line[k] for k in counts)
    ]
    (out / "robustness.json").write_text(json.dumps(report, indent=1, ensure_ascii=False), "utf8")
    print(json.dumps(report, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
