"""Tests run from anywhere: `pytest training/tests`."""

import json, sys
from pathlib import Path
import numpy as np, pytest, torch

for folder in (Path(__file__).resolve().parents[1], Path(__file__).resolve().parent):
    sys.path.insert(0, str(folder))

from data.corpus import FRAME, write_cache
from golden.fill import wave

torch.set_num_threads(1)  # of many small products, more only wait for each other


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A corpus of six clips of two speakers, of 0.6 to 1.6 s: too small for anything but a test"""
    folder = tmp_path_factory.mktemp("corpus")
    clips = []
    for n in range(6):
        frames = 24 + 8 * n
        item = dict(id=f"clip{n}", kind="synthetic", speaker=f"synthetic-{n % 2}", validation=False, text="a test")
        item |= dict(phonemes=[0, *range(5, 11), 0], durations=[frames // 8] * 8)
        clips.append((item, wave(f"clip{n}", frames * FRAME).numpy().astype(np.float32)))
    write_cache(folder, clips)
    return folder


@pytest.fixture
def script(monkeypatch):
    """Runs a script of this folder in this process: script("train/train_ar.py", "--run", …)"""
    import importlib

    def run(path, *words):
        monkeypatch.setattr(sys, "argv", [path, *map(str, words)])
        importlib.import_module(path.removesuffix(".py").replace("/", ".")).main()

    return run
