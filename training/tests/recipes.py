"""`pnpm test:training --recipes`: every recipe of the papers, 200 steps of its tiny preset on real speech, interrupted
once on the way, exported, and computed alike in TypeScript.

usage: python tests/recipes.py [--data ../../shared/data] [--steps 200] [--jobs 2] [--only hifi-gan …] [--work FOLDER]
Prints a table, and ends with 1 if the loss of one (median of its last 20 steps) is not below 0.85 of what it was (of its
first 20), if one did not go on where it was interrupted, or if TypeScript is off by more than 1e-4.
"""

import argparse, csv, itertools, json, random, re, shutil, signal, statistics, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))
from data.corpus import clips_of, write_cache

CORPORA = ("librispeech-train-clean-5", "synthetic")  # the second, since VALL-E needs phonemes
CLIPS = 24  # of each
vocoder = lambda paper, preset="tiny": ("train_vocoder", "--paper", paper, "--preset", preset)
codec = lambda paper, preset="tiny": ("train_encodec", "--paper", paper, "--preset", preset)
RECIPES = {  # name: (columns of the log that must fall, script and its options); a run's name stands for its export
    "wavenet": (["nll"], ("train_wavenet", "--preset", "tiny")),
    "melgan": (["mel_l1"], vocoder("melgan")),
    "parallel-wavegan": (["stft"], vocoder("parallel-wavegan")),
    "hifi-gan": (["mel_l1"], vocoder("hifi-gan")),
    "fre-gan": (["mel_l1"], vocoder("fre-gan")),
    "univnet": (["stft"], vocoder("univnet")),
    "bigvgan": (["mel_l1"], vocoder("bigvgan")),
    "bigvgan-v2": (["mel_l1"], vocoder("bigvgan", "tiny-v2")),
    "istftnet": (["mel_l1"], vocoder("istftnet")),
    "vocos": (["mel_l1"], vocoder("vocos")),
    "soundstream": (["mel"], codec("soundstream")),
    "encodec": (["mel"], codec("encodec")),
    "encodec-48khz": (["mel"], codec("encodec", "tiny-48khz")),
    "vocos-encodec": (["mel_l1"], (*vocoder("vocos", "tiny-encodec"), "--codec", "encodec")),
    "vall-e": (["ar", "nar"], ("train_valle", "--preset", "tiny", "--codec", "encodec")),
    "vall-e-x": (["ar", "nar"], ("train_valle", "--preset", "tiny-x", "--codec", "encodec")),
}
READ_BY = ("vocos-encodec", "vall-e", "vall-e-x")  # these wait for encodec
LIMIT = 0.85


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", default=str(HERE.parents[1] / "shared/data"))
    a.add_argument("--steps", type=int, default=200)
    a.add_argument("--jobs", type=int, default=2, help="runs at a time, each on one thread")
    a.add_argument("--only", nargs="*", default=list(RECIPES), choices=RECIPES, metavar="RECIPE")
    a.add_argument("--work", default="", help="folder of corpus and runs, kept: what is done there is not done again")
    return a.parse_args()


def corpus(data, cache):
    """A few clips of both corpora, where they are not there yet"""
    if cache.exists():
        return
    clips = [itertools.islice(clips_of(Path(data), folders=[name]), CLIPS) for name in CORPORA]
    kept = ((item | dict(validation=False), x) for item, x in itertools.chain(*clips))
    write_cache(cache, kept)


def trained(name, work, steps):
    """-> what became of a recipe, now or in an earlier call"""
    known = work / f"{name}.json"
    if not known.exists():
        found = train(name, work, steps)
        if "failed" in found:
            return found
        known.write_text(json.dumps(found), "utf8")
    return json.loads(known.read_text("utf8"))


def train(name, work, steps):
    """Runs a recipe, interrupted at a random step, and again to its end -> what it was, or why it failed"""
    columns, (script, *options) = RECIPES[name]
    if "--codec" in options:
        options[-1] = work / "runs" / options[-1] / "export"
    run, log = work / "runs" / name, work / f"{name}.log"
    words = [sys.executable, "-u", HERE / f"train/{script}.py", *options, "--cache", work / "cache", "--run", run]
    words += ["--steps", steps, "--log-every", 1, "--threads", 1, "--device", "cpu"]
    began, stop_at = time.time(), random.randrange(steps // 4, 3 * steps // 4)
    with log.open("w") as out:
        first = subprocess.Popen([*map(str, words)], stdout=subprocess.PIPE, stderr=out, text=True)
        for line in first.stdout:
            out.write(line)
            if f"'step': {stop_at}," in line:
                first.send_signal(signal.SIGTERM)
        if first.wait() != 128 + signal.SIGTERM:
            return dict(failed=f"ended with {first.returncode} when it was interrupted at step {stop_at}, see {log}")
        if subprocess.run([*map(str, words)], stdout=out, stderr=out).returncode != 0:
            return dict(failed=f"did not go on after step {stop_at}, see {log}")
    rows = list(csv.DictReader((run / "log.csv").open()))
    if [int(row["step"]) for row in rows] != [*range(1, steps + 1)]:
        return dict(failed=f"{len(rows)} rows of {steps} steps")
    found = dict(seconds=time.time() - began, losses={})
    for column in columns:
        values = [float(row[column]) for row in rows]
        found["losses"][column] = [statistics.median(part) for part in (values[:20], values[-20:])]
    return found


def parity(work):
    """-> {run: largest error} of what TypeScript makes of the exports, NaN where it does not run"""
    words = [shutil.which("npx"), "tsx", "--conditions=@mynah/source", "test/parity/main.ts", str(work / "runs")]
    shown = subprocess.run(words, cwd=HERE.parent, capture_output=True, text=True)
    rows = re.findall(r"^(\S+)/export +(\S+) +\S+ +(pass|FAILED)", shown.stdout, re.M)
    if not rows:
        raise SystemExit(f"parity did not run: {shown.stdout}{shown.stderr}")
    return {name: float(error) if state == "pass" else float("nan") for name, error, state in rows}


def table(results, errors):
    """Prints it -> whether all is well"""
    print(
        "| recipe | loss | first 20 steps | last 20 | of it | TypeScript is off by | s |\n|---|---|---|---|---|---|---|"
    )
    good = True
    for name, found in results.items():
        if "failed" in found:
            good = False
            print(f"| {name} | {found['failed']} | | | | | |")
            continue
        error = errors.get(name, float("nan"))
        for column, (first, last) in found["losses"].items():
            well = last < LIMIT * first and error <= 1e-4
            good &= well
            cells = [column, f"{first:.3f}", f"{last:.3f}", f"{last / first:.2f}", f"{error:.1e}"]
            print(f"| {name} | {' | '.join(cells)} | {found['seconds']:.0f} |{'' if well else ' FAILED'}")
    return good


def main():
    a = arguments()
    began, names = time.time(), [name for name in RECIPES if name in a.only]
    if any(name in READ_BY for name in names) and "encodec" not in names:
        names.append("encodec")
    work = Path(a.work or tempfile.mkdtemp(prefix="mynah-recipes-"))
    try:
        corpus(a.data, work / "cache")
        with ThreadPoolExecutor(a.jobs) as pool:
            each = lambda some: zip(some, pool.map(lambda name: trained(name, work, a.steps), some))
            results = dict(each(sorted(set(names) - set(READ_BY), key=names.index)))
            results |= each([name for name in names if name in READ_BY])
        good = table(results, parity(work))
        print(f"{a.steps} steps each, {(time.time() - began) / 60:.1f} minutes in all")
    finally:
        if not a.work:
            shutil.rmtree(work)
    raise SystemExit(not good)


if __name__ == "__main__":
    main()
