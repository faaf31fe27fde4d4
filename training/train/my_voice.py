"""Own recordings to a voice that speaks, in one command: the embedded model's AR and NAR model, trained on to a
speaker.

usage: python train/my_voice.py --folder WAVS --transcripts FILE|--transcribe --consent "my own voice" --out BUNDLE
       [--name me] [--minutes 40] [--work WORK]
Five recordings of 3 to 10 s each are enough to begin with. Half of what it trains on stays the embedded model's own
corpus (assets/tokens-en), so that it does not forget how others speak. BUNDLE is a bundle with one more ready voice:
mynah say "Hello!" --bundle BUNDLE --voice me. What was done is not done again: the same command goes on from there.
"""

import argparse, shutil, subprocess, sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
EMBEDDED = HERE.parent / "packages/voice-en"
RATE = 2e-4  # of a model that has learned; 1.2e-3 is what it began with
AR_SHARE = 0.5  # of the minutes


def run(script, *words):
    """A script of this folder, in a process of its own; ends where it fails"""
    print(f"# {script} {' '.join(map(str, words))}", flush=True)
    if (status := subprocess.run([sys.executable, HERE / script, *map(str, words)]).returncode) != 0:
        raise SystemExit(status)


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("folder", "consent", "out"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--transcripts", default="")
    a.add_argument("--transcribe", action="store_true")
    a.add_argument("--name", default="me")
    a.add_argument("--minutes", type=float, default=40, help="of training in all; on two cores 40 are enough")
    a.add_argument("--steps", type=int, default=0, help="of each model, instead of --minutes")
    a.add_argument("--batch", type=int, default=8)
    a.add_argument("--threads", type=int, default=0)
    a.add_argument("--bundle", default=str(EMBEDDED), help="what to begin from")
    a.add_argument("--work", default="", help="folder for data and runs (default: OUT.work)")
    return a.parse_args()


def main():
    a = arguments()
    work, out, bundle = Path(a.work or a.out + ".work"), Path(a.out), Path(a.bundle)
    cache, tokens = work / "cache", work / "tokens"
    texts = [*(["--transcripts", a.transcripts] if a.transcripts else []), *(["--transcribe"] if a.transcribe else [])]
    if not (cache / "index.jsonl").exists():
        run(
            "data/corpus.py",
            "--folder",
            a.folder,
            *texts,
            "--speaker",
            a.name,
            "--consent",
            a.consent,
            "--cache",
            cache,
        )
    if not (tokens / "mine/part0/index.jsonl").exists():
        models = ["--codec", bundle / "codec.safetensors", "--aligner", bundle / "aligner.safetensors"]
        run("data/tokenize_corpus.py", "--cache", cache, *models, "--out", tokens / "mine", "--variants", 0, "--soiled")
        dropped = (tokens / "mine/part0/dropped.jsonl").read_text("utf8")
        if dropped:
            print("left out, for their texts or lengths:\n" + dropped, flush=True)
    if not (tokens / "base").exists():
        shutil.copytree(HERE / "assets/tokens-en", tokens / "base")
    for model, share in (("ar", AR_SHARE), ("nar", 1 - AR_SHARE)):
        bound = ["--steps", a.steps] if a.steps else ["--minutes", a.minutes * share]
        options = ["--batch", a.batch, "--rate", RATE, "--threads", a.threads, *bound]
        begin = ["--codec", bundle / "codec.safetensors", "--init", bundle / f"{model}.safetensors"]
        run(f"train/train_{model}.py", "--cache", tokens, *begin, "--run", work / model, *options)
    if not (out / "bundle.json").exists():
        out.mkdir(parents=True, exist_ok=True)
        for file in [bundle / "bundle.json", *bundle.glob("*.safetensors")]:
            shutil.copy(file, out / file.name)
        shutil.copytree(bundle / "voices", out / "voices", dirs_exist_ok=True)
    models = ["--ar", work / "ar/last.pt", "--nar", work / "nar/last.pt"]
    run("export/export.py", *models, "--tokens", tokens, "--cache", cache, "--voice", a.name, "--out", out)
    print(f'mynah say "Hello!" --bundle {out} --voice {a.name}')


if __name__ == "__main__":
    main()
