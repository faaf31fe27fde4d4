"""An interrupted run ends as one that was not: every weight, optimizer state and row of the log, to the bit."""

import csv, importlib, json, os, random, signal, sys
from pathlib import Path
import numpy as np, pytest, torch
from data.tokens import Stream
from train import common

STEPS = 9
SCRIPTS = {
    "codec": ("train_codec", "--adversarial", "0.3", "--disc-warmup", "2"),
    "aligner": ("train_aligner",),
    "listener": ("train_listener",),
    "ar": ("train_ar",),
    "nar": ("train_nar",),
    "together": ("train_together", "--disc-warmup", "2"),
    "encodec": ("train_encodec", "--paper", "encodec"),
    "soundstream": ("train_encodec", "--paper", "soundstream"),
    "valle": ("train_valle",),
    "wavenet": ("train_wavenet",),
    **{p: ("train_vocoder", "--paper", p) for p in ("melgan", "parallel-wavegan", "hifi-gan", "univnet", "vocos")},
    "bigvgan-v2": ("train_vocoder", "--paper", "bigvgan", "--preset", "tiny-v2"),
}


def train(monkeypatch, run, script, *options, steps=STEPS, kill_at=None):
    """Runs a script in this process; `kill_at`: SIGTERM arrives while that step is logged"""
    argv = [script, "--smoke", "--steps", str(steps), "--run", str(run), "--threads", "1", *options]
    monkeypatch.setattr(sys, "argv", argv)
    log = common.Run.log

    def logged(self, *args, **options):
        if self.step + 1 == kill_at:
            os.kill(os.getpid(), signal.SIGTERM)
        log(self, *args, **options)

    monkeypatch.setattr(common.Run, "log", logged)
    importlib.import_module(f"train.{script}").main()
    monkeypatch.undo()


def flat(state, at=""):
    """-> [(path, leaf)] of nested dicts and lists"""
    if isinstance(state, dict):
        return [leaf for k, v in state.items() for leaf in flat(v, f"{at}/{k}")]
    if isinstance(state, (list, tuple)):
        return [leaf for k, v in enumerate(state) for leaf in flat(v, f"{at}/{k}")]
    return [(at, state)]


def same(a, b):
    return torch.equal(a, b) if torch.is_tensor(a) else a == b


def rows(run):
    return [{k: v for k, v in row.items() if k != "minutes"} for row in csv.DictReader((run / "log.csv").open())]


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_interrupted_run_ends_as_one_that_was_not(name, tmp_path, monkeypatch):
    script, *options = SCRIPTS[name]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(monkeypatch, whole, script, *options)
    with pytest.raises(SystemExit) as ended:
        train(monkeypatch, parts, script, *options, kill_at=random.SystemRandom().randrange(1, STEPS))
    assert ended.value.code == 128 + signal.SIGTERM
    monkeypatch.undo()
    with (parts / "log.csv").open("a") as log:  # as after a power cut: rows of steps that were not saved
        log.write(f"{STEPS - 0},1,{'9,' * 5}\n{STEPS},1")
    train(monkeypatch, parts, script, *options)
    a, b = (torch.load(run / "last.pt", weights_only=True) for run in (whole, parts))
    for state in (a, b):
        state.pop("spent")
    a, b = dict(flat(a)), dict(flat(b))
    assert a.keys() == b.keys()
    assert [k for k in a if not same(a[k], b[k])] == []
    assert rows(parts) == rows(whole)
    assert [int(row["step"]) for row in rows(parts)] == [*range(1, STEPS + 1)]


def test_batches_of_tokens_depend_on_their_number_alone():
    class Numbers:
        def batch(self, size, rng):
            return [rng.random() for _ in range(size)]

    take = lambda stream, n: [x for _, x in zip(range(n), stream)]
    assert take(Stream(Numbers(), 3, 7, 2), 2) == take(Stream(Numbers(), 3, 7, 0), 4)[2:]


def test_all_random_numbers_go_on_from_where_they_were():
    generator, other = np.random.default_rng(3), random.Random(4)
    states = common.Randomness([generator, other])
    draw = lambda: [random.random(), np.random.rand(), float(torch.rand(())), generator.random(), other.random()]
    random.gauss(0, 1), np.random.randn(), draw()
    saved = states.state()
    expected = draw()
    draw()
    states.restore(
        json.loads(json.dumps({k: v for k, v in saved.items() if k != "torch"} | {"cuda": []}))
        | {"torch": saved["torch"]}
    )
    assert draw() == expected


def test_a_run_of_an_older_version_is_refused_with_what_to_do(tmp_path):
    class Arguments:
        run, init, device, smoke = str(tmp_path), [], "cpu", True

    torch.save(dict(modules=[], step=3), tmp_path / "last.pt")
    with pytest.raises(SystemExit, match="begin a new --run from it with --init"):
        common.Run(Arguments, [torch.nn.Linear(1, 1)], [])
