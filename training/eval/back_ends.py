"""What the decoders of train/back_ends.py are worth: words, likeness, P808, distance to the recording, speed, size.

usage: python eval/back_ends.py --cache CACHE --runs RUNS --out OUT [--count 24] [--kind librispeech] [--no-words]
Held-out recordings go through the codec's encoder; every back-end, and the shipped decoder beside them, speaks the same
latents, through Mynah's SDK as built from this checkout (test/bench/back-ends.ts). Prints a table and writes OUT/table.md
and OUT/back-ends.png: word error rate over real-time factor. needs requirements-more.txt
"""

import argparse, json, shutil, subprocess, sys
from pathlib import Path
import numpy as np, soundfile as sf, torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data.corpus import FRAME, RATE, Corpus
from data.mels import LogMel
from export.parts import manifest_config, tensors_of
from mynah.codec import SMALL
from mynah.latents import Latents
from papers import losses
from train import common
from train.back_ends import EMBEDDED, HERE

LONGEST = 12  # seconds of a clip, whose whole text is compared
COLUMNS = {
    "WER %": ".1f",
    "similarity": ".3f",
    "by x-vector": ".3f",
    "P808": ".2f",
    "mel L1": ".3f",
    "STFT distance": ".3f",
    "RTF, 1 thread": ".3f",
    "RTF, 2": ".3f",
    "first 0.1 s, ms": ".0f",
    "looks ahead, ms": ".0f",
    "MB": ".1f",
}


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("cache", "runs", "out"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--codec", default=f"{EMBEDDED}/codec.safetensors,{EMBEDDED}/vocoder.safetensors")
    a.add_argument("--kind", default="librispeech")
    a.add_argument("--count", type=int, default=24)
    a.add_argument("--no-words", action="store_true", help="distances, speeds and sizes alone")
    return a.parse_args()


def prepare(a, out):
    """Writes recordings, their latents and the list of models -> clips"""
    data = Corpus(a.cache)
    whole = lambda i: 2 * RATE < i["samples"] <= LONGEST * RATE
    clips = [i for i in data.items if i["kind"] == a.kind and i["validation"] and whole(i)]
    if not clips:
        raise SystemExit(f"{a.cache}: has no held-out clip of {a.kind} of 2 to {LONGEST} s")
    clips = [clips[n] for n in np.linspace(0, len(clips) - 1, min(a.count, len(clips))).astype(int)]
    front_end, latents = Latents(a.codec), {}
    (out / "recording").mkdir(parents=True, exist_ok=True)
    for n, clip in enumerate(clips):
        wave = data.audio(clip)[: clip["samples"] // FRAME * FRAME]
        sf.write(out / f"recording/{n}.wav", wave, RATE, "FLOAT")
        with torch.no_grad():
            latents[str(n)] = front_end(torch.from_numpy(wave)[None])[0].contiguous()
    save_file(latents, out / "latents.safetensors")
    config = manifest_config("vocoder", SMALL)
    models = {"shipped": dict(checkpoint=str(EMBEDDED / "vocoder.safetensors"), config=config)}
    for run in sorted(Path(a.runs).iterdir()):
        if (case := run / "export/case.json").exists():
            models[run.name] = dict(
                checkpoint=str(case.parent / json.loads(case.read_text("utf8"))["checkpoint"]["file"])
            )
        elif (run / "last.pt").exists():  # of train_codec.py
            weights = tensors_of("vocoder", common.weights(str(run / "last.pt")))
            save_file({k: v.contiguous() for k, v in weights.items()}, out / f"{run.name}.safetensors")
            models[run.name] = dict(checkpoint=str(out / f"{run.name}.safetensors"), config=config)
    (out / "models.json").write_text(json.dumps(models), "utf8")
    return clips, list(models)


@torch.no_grad()
def distances(out, name, count):
    """-> L1 of log-mels and multi-resolution STFT distance to the recordings, the means over the clips"""
    mel, found = LogMel(RATE, 1024, 256, 80, epsilon=1e-9), []
    for n in range(count):
        x, y = (
            torch.from_numpy(sf.read(out / f"{each}/{n}.wav", dtype="float32")[0])[None] for each in ("recording", name)
        )
        y = y[:, : x.shape[1]]
        found.append([(mel(x) - mel(y)).abs().mean().item(), losses.spectral_convergence(y, x).item()])
    return np.mean(found, 0).tolist()


def judged(out, name, clips):
    """-> word error rate in %, likeness by two encoders, P808"""
    from eval.score import errors_of, measure

    voices, rows, counts = {}, [], []
    for n, clip in enumerate(clips):
        rows.append(measure(dict(wav=str(out / f"{name}/{n}.wav"), prompt=str(out / f"recording/{n}.wav")), voices))
        counts.append(errors_of(clip["text"], rows[-1]["heard"]))
    counts = np.array(counts)
    mean = lambda key: float(np.mean([row[key] for row in rows]))
    return [100 * counts[:, 1:4].sum() / counts[:, 0].sum(), mean("resemblyzer"), mean("xvector"), mean("p808")]


def plot(path, rows):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    for name, row in rows.items():
        if "RTF, 1 thread" in row and row.get("WER %") is not None:
            (
                axes.plot(row["RTF, 1 thread"], row["WER %"], "o"),
                axes.annotate(name, (row["RTF, 1 thread"], row["WER %"])),
            )
    axes.set_xscale("log"), axes.set_xlabel("real-time factor, one thread"), axes.set_ylabel("words heard otherwise, %")
    figure.tight_layout(), figure.savefig(path)


def main():
    a = arguments()
    out = Path(a.out)
    clips, models = prepare(a, out)
    if not a.no_words and any(not clip["text"] for clip in clips):
        raise SystemExit(f"{a.cache}: clips of {a.kind} have no text; name another --kind, or --no-words")
    words = [shutil.which("npx"), "tsx", "--conditions=@mynah/source", "test/bench/back-ends.ts", str(out.resolve())]
    subprocess.run(words, cwd=HERE.parent, check=True)
    speeds, rows = json.loads((out / "speeds.json").read_text("utf8")), {}
    for name in ["recording", *models]:
        row = dict(zip(list(COLUMNS)[:4], judged(out, name, clips))) if not a.no_words else {}
        if name in speeds:
            s = speeds[name]
            row |= dict(zip(("mel L1", "STFT distance"), distances(out, name, len(clips))))
            row |= {"RTF, 1 thread": s["threads1"]["realTimeFactor"], "RTF, 2": s["threads2"]["realTimeFactor"]}
            row |= {"first 0.1 s, ms": s["threads1"]["firstChunk"], "looks ahead, ms": 1000 * s["lookahead"]}
            row["MB"] = s["megabytes"]
        rows[name] = row
    cell = lambda row, column: format(row[column], COLUMNS[column]) if column in row else "–"
    lines = [f"| back-end | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(cell(row, column) for column in COLUMNS)} |" for name, row in rows.items()]
    (out / "table.md").write_text("\n".join(lines) + "\n", "utf8")
    print(f"{len(clips)} held-out clips of {a.kind}\n\n" + "\n".join(lines))
    plot(out / "back-ends.png", rows)


if __name__ == "__main__":
    main()
