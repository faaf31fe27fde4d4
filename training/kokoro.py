"""Kokoro-82M (Apache-2.0), the teacher, in ONNX Runtime on one thread: for evaluation.py, and for `pnpm judge --others`. Packages and model: ../shared/tools/corpus/README.md.

usage: python kokoro.py MODEL.onnx VOICES_DIR < JOBS.jsonl    each job {"text", "voice", "wav"}; prints {"seconds" of speech, "spent" wall-clock seconds} a line
"""
import json, sys, time
from pathlib import Path
import numpy as np, onnxruntime as ort

RATE = 24000
HELD_OUT = ("am_puck", "bf_lily", "af_nova")


class Kokoro:
    def __init__(self, model, voices):
        from kokoro_onnx.tokenizer import Tokenizer

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.tokenizer, self.voices, self.styles = Tokenizer(), Path(voices), {}

    def speak(self, text, voice):
        """-> float32 [S] at 24 kHz"""
        if voice not in self.styles:
            self.styles[voice] = np.fromfile(self.voices / f"{voice}.bin", np.float32).reshape(-1, 256)
        tokens = self.tokenizer.tokenize(self.tokenizer.phonemize(text, "en-us"))
        inputs = {"tokens": [[0, *tokens, 0]], "style": self.styles[voice][len(tokens)][None], "speed": np.ones(1, np.float32)}
        return np.clip(np.ravel(self.session.run(None, inputs)[0]), -1, 1)


if __name__ == "__main__":
    import soundfile as sf

    kokoro = Kokoro(*sys.argv[1:3])
    for line in sys.stdin:
        job, started = json.loads(line), time.time()
        x = kokoro.speak(job["text"], job["voice"])
        sf.write(job["wav"], x, RATE)
        print(json.dumps(dict(seconds=len(x) / RATE, spent=time.time() - started)), flush=True)
