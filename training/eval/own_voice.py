"""Does training on five recordings of a stranger pay? A person of LibriSpeech whom nothing was ever trained on becomes a
voice by train/my_voice.py; with it, and with the embedded model and the same prompt alone, the same sentences are spoken
and held against other recordings of that person.

usage: python eval/own_voice.py --data ../../shared/data --speaker 1867 --work WORK [--minutes 40] [--sentences 16]
Held out are 1867, 2416 and 7312. Prints the table of score.py; what was done in WORK is not done again. needs
requirements-more.txt
"""

import argparse, json, shutil, subprocess, sys, time
from pathlib import Path
import soundfile as sf

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data.corpus import held_out
from train.back_ends import HERE

CORPUS = "librispeech-train-clean-5"
SHORTEST, LONGEST = 3, 12  # seconds of a recording
RECORDINGS, OTHERS = 5, 12


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "speaker", "work"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--minutes", type=float, default=40)
    a.add_argument("--steps", type=int, default=0, help="of each model, instead of minutes")
    a.add_argument("--sentences", type=int, default=16)
    a.add_argument("--threads", type=int, default=0)
    return a.parse_args()


def write_recordings(data, speaker, work):
    """Five recordings with their texts into WORK/wavs, others into WORK/others -> texts of the five by name"""
    folder, texts = Path(data) / CORPUS, {}
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf8").splitlines()]
    for name in ("wavs", "others"):
        shutil.rmtree(work / name, ignore_errors=True)
        (work / name).mkdir(parents=True)
    others = 0
    for line in (line for line in lines if line["speaker"] == speaker):
        x, rate = sf.read(folder / line["audio"], dtype="float32")
        if not SHORTEST <= len(x) / rate <= LONGEST:
            continue
        name = Path(line["audio"]).stem
        if len(texts) < RECORDINGS:
            texts[name] = line["text"]
            sf.write(work / f"wavs/{name}.wav", x, rate)
        elif others < OTHERS:
            others += 1
            sf.write(work / f"others/{name}.wav", x, rate)
    if len(texts) < RECORDINGS or not others:
        raise SystemExit(f"{folder}: too few recordings of {speaker} of {SHORTEST} to {LONGEST} s")
    (work / "texts.txt").write_text("".join(f"{name}|{text}\n" for name, text in texts.items()), "utf8")
    return texts


def write_set(data, work, texts, count):
    """WORK/set.jsonl of test/judge: every sentence with one of the five as its prompt, in turn, to be like another
    recording"""
    sentences = (Path(data) / "texts.txt").read_text("utf8").splitlines()
    sentences = [s for s in sentences if 6 <= len(s.split()) <= 14][:: max(1, len(sentences) // (2 * count))][:count]
    others = sorted(path.name for path in (work / "others").iterdir())
    rows = []
    for n, sentence in enumerate(sentences):
        name = list(texts)[n % len(texts)]
        row = dict(id=f"own{n}", group="own", text=sentence, prompt=f"wavs/{name}.wav", transcript=texts[name])
        rows.append(row | dict(person=f"others/{others[n % len(others)]}"))
    (work / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf8")


def main():
    a = arguments()
    work = Path(a.work).resolve()
    if not held_out("librispeech", a.speaker):
        raise SystemExit(f"--speaker {a.speaker}: the embedded model was trained on this person")
    if not (work / "set.jsonl").exists():
        write_set(a.data, work, write_recordings(a.data, a.speaker, work), a.sentences)
    if not (work / "voice/voices/me.voice.safetensors").exists():
        began, bound = time.time(), ("--steps", a.steps) if a.steps else ("--minutes", a.minutes)
        options = ["--folder", work / "wavs", "--transcripts", work / "texts.txt", "--out", work / "voice", *bound]
        options += ["--consent", "LibriSpeech, CC BY 4.0", "--threads", a.threads]
        subprocess.run([sys.executable, HERE / "train/my_voice.py", *map(str, options)], check=True)
        print(f"{(time.time() - began) / 60:.1f} minutes from recordings to a bundle", flush=True)
    judge = [shutil.which("npx"), "tsx", "--conditions=@mynah/source", "test/judge/main.ts", str(work)]
    for name, options in (("prompt-alone", ()), ("trained", ("--bundle", work / "voice"))):
        subprocess.run([*judge, "--name", name, *map(str, options)], cwd=HERE.parent, check=True)
        print(f"\n{name}", flush=True)
        subprocess.run([sys.executable, HERE / "eval/score.py", work / name], check=True)


if __name__ == "__main__":
    main()
