"""Speaks sentences with Kokoro-82M (Apache-2.0) on one thread, for `pnpm judge --others --kokoro MODEL`. Packages and model: ../shared/tools/corpus/README.md.

usage: python kokoro.py MODEL.onnx VOICES_DIR < JOBS.jsonl    each job {"text", "voice", "wav"}
"""
import json, sys
from pathlib import Path
import numpy as np, onnxruntime as ort, soundfile as sf
from kokoro_onnx.tokenizer import Tokenizer

model, voices = sys.argv[1:3]
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
tokenizer, styles = Tokenizer(), {}
for line in sys.stdin:
    job = json.loads(line)
    voice = job["voice"]
    if voice not in styles:
        styles[voice] = np.fromfile(Path(voices) / f"{voice}.bin", np.float32).reshape(-1, 256)
    tokens = tokenizer.tokenize(tokenizer.phonemize(job["text"], "en-us"))
    x = session.run(None, {"tokens": [[0, *tokens, 0]], "style": styles[voice][len(tokens)][None], "speed": np.ones(1, np.float32)})[0].ravel()
    sf.write(job["wav"], np.clip(x, -1, 1), 24000)
