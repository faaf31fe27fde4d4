"""How alike two recordings sound, by two speaker encoders that have nothing in common: Resemblyzer (GE2E on log-mels),
which the judge of ../shared/tools uses, and the x-vector network of pyannote (SincNet on the waveform, VoxCeleb), which
lies inside the library of moonshine-voice and which nothing here was ever chosen by.

needs: pip install moonshine-voice==0.0.65 onnxruntime soxr and, without its dependencies, resemblyzer
"""

import os
import moonshine_voice, numpy as np, onnxruntime, soundfile as sf, soxr

RATE = 16000
LIBRARY = "libmoonshine.so"
MAGIC = b"ORTM"  # 4 bytes into a model in the format of ONNX Runtime
_encoders = {}


def at_16k(path):
    """-> float32 [S] mono"""
    x, rate = sf.read(path, dtype="float32", always_2d=True)
    return soxr.resample(x.mean(1), rate, RATE).astype(np.float32)


def one_threaded(model):
    """-> a session of ONNX Runtime on one thread. model: the path or the bytes of one"""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])


def xvector(x):
    """float32 [S] at 16 kHz -> [512], of length 1"""
    if "xvector" not in _encoders:
        path = os.path.join(os.path.dirname(moonshine_voice.__file__), LIBRARY)
        with open(path, "rb") as file:
            library = file.read()
        start = library.find(MAGIC) - 4
        if start < 0:
            raise SystemExit(f"{path}: has no speaker encoder; moonshine-voice 0.0.65 has")
        _encoders["xvector"] = one_threaded(library[start:])
    v = _encoders["xvector"].run(None, {"waveform": np.ascontiguousarray(speech_of(x))[None]})[0][0]
    return v / np.linalg.norm(v)


def resemblyzer(x):
    """float32 [S] at 16 kHz -> [256], of length 1"""
    from resemblyzer import VoiceEncoder, preprocess_wav

    if "resemblyzer" not in _encoders:
        _encoders["resemblyzer"] = VoiceEncoder("cpu", verbose=False)
    return _encoders["resemblyzer"].embed_utterance(preprocess_wav(x, source_sr=RATE))


def speech_of(x, frame=320):
    """x without its pauses, and at one level: what an x-vector is to be made of. At least a second, repeated if need
    be."""
    level = 10 * np.log10(np.square(x[: len(x) // frame * frame].reshape(-1, frame)).mean(1) + 1e-10)
    spoken = np.repeat(level > np.percentile(level, 95) - 30, frame)
    y = x[: len(spoken)][spoken]
    y = y * (0.1 / max(np.sqrt((y**2).mean()), 1e-6))
    return np.tile(y, -(-RATE // max(1, len(y))))[: max(len(y), RATE)].astype(np.float32)
