"""Kokoro-82M in ONNX Runtime on one thread, for `pnpm bench --kokoro MODEL.onnx`. Packages and model: ../shared/tools/corpus/README.md.

usage: python kokoro.py MODEL.onnx VOICES_DIR SENTENCE…    prints one JSON object, a row of test/bench/voice.ts
"""
import json, resource, sys, time
from pathlib import Path
import numpy as np, onnxruntime as ort
from kokoro_onnx.tokenizer import Tokenizer

model, voices, *sentences = sys.argv[1:]
started = time.time()
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
tokenizer = Tokenizer()
style = np.fromfile(Path(voices) / "af_heart.bin", np.float32).reshape(-1, 256)
load = time.time() - started


def speak(text):
    tokens = tokenizer.tokenize(tokenizer.phonemize(text, "en-us"))
    return session.run(None, {"tokens": [[0, *tokens, 0]], "style": style[len(tokens)][None], "speed": np.array([1], np.float32)})[0].size / 24000


speak("Ready.")
started, cpu = time.time(), time.process_time()
speech = speak(sentences[0])
first = time.time() - started
speech += sum(speak(s) for s in sentences[1:])
seconds, cpu = time.time() - started, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(dict(system="Kokoro-82M (Python)", loadSeconds=load, firstAudioSeconds=first, realTimeFactor=seconds / speech, cpuFactor=cpu / speech, peakRssMegabytes=peak, speechSeconds=speech)))
