"""Trains AR model, NAR model and pronunciation scorer at once on one GPU, within a quarter of an hour, and leaves small
files to take away.

usage: python train/on_gpu.py --cache TOKENS --bundle ../packages/voice-en --run RUNS --out OUT [--minutes 8]
       [--config medium]
TOKENS is what tokenize_corpus.py writes, with variants and soiled prompts; the machine needs neither recordings nor the
network, only torch, numpy and safetensors. Where the config is the shipped one, the models begin from the bundle's
weights. A run folder that is there is resumed; what was trained is also a beginning for the next machine
(--init OUT/ar.safetensors).
Writes OUT/{ar,nar,listener}.safetensors as export.py does (int8, each below 16 MB with the medium config),
OUT/*.csv, the
logs, and OUT/steps.json. Then: python export/export.py --ar OUT/ar.safetensors --nar … --out ../packages/voice-en.
"""

import argparse, json, shutil, subprocess, sys, time
from pathlib import Path
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from export.export import packed
from export.parts import tensors_of
from train import common

HERE = Path(__file__).parent
# rows of a step, learning rate, and processes that make batches: with these an H200 waits for none of the three
JOBS = {
    "ar": dict(script="train_ar", batch=128, rate=1.5e-3, workers=6),
    "nar": dict(script="train_nar", batch=96, rate=1.5e-3, workers=6),
    "listener": dict(script="train_listener", batch=256, rate=2e-3, workers=2),
}


def command(name, job, a):
    codec = f"{a.bundle}/codec.safetensors"
    words = [
        sys.executable,
        HERE / f"{job['script']}.py",
        "--cache",
        a.cache,
        "--codec",
        codec,
        "--run",
        Path(a.run) / name,
    ]
    words += ["--minutes", a.minutes, "--device", a.device, "--batch", job["batch"], "--rate", job["rate"]]
    if name != "listener":
        words += ["--config", a.config, "--workers", job["workers"]]
        if a.config == "small":
            words += ["--init", f"{a.bundle}/{name}.safetensors"]
    if a.smoke:
        words.append("--smoke")
    return [str(w) for w in words]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("cache", "bundle", "run", "out"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--minutes", type=float, default=8)
    a.add_argument("--config", default="medium", choices=["small", "medium", "large"])
    a.add_argument("--device", default="cuda")
    a.add_argument("--smoke", action="store_true", help="a few steps of tiny models on random data")
    a = a.parse_args()
    out = Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    started = time.time()
    running = {}
    for name, job in JOBS.items():
        (Path(a.run) / name).mkdir(parents=True, exist_ok=True)
        log = open(Path(a.run) / name / "out.txt", "a", encoding="utf8")
        running[name] = subprocess.Popen(command(name, job, a), stdout=log, stderr=subprocess.STDOUT)
    failed = [name for name, process in running.items() if process.wait() != 0]
    done = dict(seconds=round(time.time() - started))
    for name in running:
        run = Path(a.run) / name
        if (run / "last.pt").exists():  # also of a run that failed later on
            state = tensors_of(name, common.weights(str(run / "last.pt")))
            save_file(packed(state, int8=True), out / f"{name}.safetensors", {"format": "mynah"})
            shutil.copy(run / "log.csv", out / f"{name}.csv")
            done[name] = (run / "log.csv").read_text("utf8").splitlines()[-1]
        elif name in failed:
            print((run / "out.txt").read_text("utf8")[-2000:], file=sys.stderr)
    (out / "steps.json").write_text(json.dumps(done, indent=1), "utf8")
    print(json.dumps(done, indent=1))
    raise SystemExit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
