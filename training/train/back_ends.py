"""Trains decoders of six kinds on the same features, data and minutes, one after the other: which is the best back-end
for the embedded voice? eval/back_ends.py then measures them.

usage: python train/back_ends.py --cache CACHE --runs RUNS --minutes 60 [--only hifi-gan mynah] [--threads 2]
       [--codec ../packages/voice-en/codec.safetensors,../packages/voice-en/vocoder.safetensors] [--steps N]
The features are what the voice's own decoder reads: the codec's latents, 64 for each 600 samples. So the winner takes
the decoder's place with nothing in between; a mel made of the latents would need one more network before every one of
them. Rates, strides and kernels are those of the papers as far as 600 samples a frame allow (presets `latents`);
discriminators have a quarter of the papers' width, since hours of two cores are few. Ours begins from nothing, too.
The same command goes on where it was interrupted; more --minutes train on what is there.
"""

import argparse, signal, subprocess, sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
EMBEDDED = HERE.parent / "packages/voice-en"
vocoder = lambda paper: ("train_vocoder", "--paper", paper, "--preset", "latents", "--batch", 4)
BACK_ENDS = {  # name: script and options
    **{paper: vocoder(paper) for paper in ("hifi-gan", "istftnet", "univnet", "melgan", "vocos")},
    "mynah": ("train_codec", "--fresh-decoder", 1, "--adversarial", 0.3, "--batch", 6, "--seconds", 0.75),
}


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--cache", required=True, help="written by corpus.py")
    a.add_argument("--runs", required=True, help="folder with a run of each")
    a.add_argument("--codec", default=f"{EMBEDDED}/codec.safetensors,{EMBEDDED}/vocoder.safetensors")
    a.add_argument("--minutes", type=float, default=60, help="of each, in all")
    a.add_argument("--steps", type=int, default=0, help="instead of minutes, to try whether all runs")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--only", nargs="*", default=list(BACK_ENDS), choices=BACK_ENDS, metavar="NAME")
    return a.parse_args()


def main():
    a = arguments()
    for name in a.only:
        script, *options = BACK_ENDS[name]
        bound = ("--steps", a.steps) if a.steps else ("--minutes", a.minutes)
        codec = ("--decoder-of" if script == "train_codec" else "--latents", a.codec)
        words = [
            HERE / f"train/{script}.py",
            *options,
            *codec,
            "--cache",
            a.cache,
            "--run",
            Path(a.runs) / name,
            *bound,
        ]
        print(f"# {name}", flush=True)
        child = subprocess.Popen([sys.executable, *map(str, [*words, "--threads", a.threads])])
        for number in (signal.SIGINT, signal.SIGTERM):  # it saves, and ends
            signal.signal(number, lambda number, _: child.send_signal(number))
        if (status := child.wait()) != 0:
            raise SystemExit(status)


if __name__ == "__main__":
    main()
