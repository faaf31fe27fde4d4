"""Makes more training speech with Kokoro-82M (Apache-2.0), three times as fast as ../shared/tools/corpus on a core with
AMX. Resumes where it stopped; stop it at any time.

usage: python data/synthesize.py --model kokoro-f32.onnx --voices VOICES --texts TEXTS --out PACKED [--minutes 60]
    [--seed 3]
    [--first-speaker 400] [--worker 0 --workers 2]
The model's halves run apart: what plans (text, durations, pitch, source) and the inverse STFT in float32 by ONNX
Runtime, the generator between them in bfloat16 by OpenVINO, its sines
as polynomials. Writes what corpus.py --extra reads: PACKED/audio/ID.flac and a PACKED/manifestN.jsonl for each worker.
Speakers are random mixtures of one to three voices of a gender; numbers below 400 are those of
../shared/data/synthetic/speakers.json, so begin there. The held-out voices are never used.
needs: pip install kokoro-onnx==0.6.1 onnx onnxruntime openvino soundfile
"""

import argparse, json, os, random, sys, time
from pathlib import Path
import numpy as np, onnx, onnxruntime, openvino, soundfile
from onnx import helper, numpy_helper
from onnx.utils import Extractor
from kokoro_onnx.tokenizer import Tokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data.corpus import FRAME, RATE, held_out

HELD_OUT = {"am_puck", "bf_lily", "af_nova"}  # as in ../shared/data
STYLE, FEATURES, SOURCE = (
    "/decoder/Slice_output_0",
    "/decoder/decoder/decode.3/Div_4_output_0",
    "/decoder/decoder/generator/Concat_3_output_0",
)
SPECTRUM = "/decoder/decoder/generator/conv_post/Conv_output_0"


def split(path):
    """-> serialized: tokens to style, features, source and durations; these to the spectrum; the spectrum to audio"""
    model = onnx.load(path)
    audio, durations = (o.name for o in model.graph.output)
    for name, shape in ((STYLE, (1, "S")), (FEATURES, (1, 512, "F")), (SOURCE, (1, 22, "T")), (SPECTRUM, (1, 22, "T"))):
        model.graph.value_info.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    extractor = Extractor(model)
    plan = extractor.extract_model([i.name for i in model.graph.input], [STYLE, FEATURES, SOURCE, durations])
    generator = without_sines(extractor.extract_model([STYLE, FEATURES, SOURCE], [SPECTRUM]))
    return [m.SerializeToString() for m in (plan, generator, extractor.extract_model([SPECTRUM], [audio]))]


def without_sines(model):
    """sin² of Snake, which OpenVINO computes one by one, as a polynomial of degree 10 of the distance to the nearest
    multiple of pi; error 1e-6."""
    graph = model.graph
    squares = {n.input[0]: n for n in graph.node if n.op_type == "Pow"}
    t = np.linspace(0, 0.25, 4000)
    series = (
        np.polynomial.Chebyshev.fit(t, np.sin(np.pi * np.sqrt(t)) ** 2, 5).convert(kind=np.polynomial.Polynomial).coef
    )
    for name, value in (("inverse_pi", 1 / np.pi), ("half", 0.5), *((f"series{n}", c) for n, c in enumerate(series))):
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    nodes = []

    def op(kind, *inputs, to=None):
        nodes.append(helper.make_node(kind, inputs, [to or f"sine{len(nodes)}"]))
        return nodes[-1].output[0]

    sines = {n.output[0] for n in graph.node if n.op_type == "Sin"}
    for node in graph.node:
        if node.op_type == "Sin":
            turns = op("Mul", node.input[0], "inverse_pi")
            r = op("Sub", turns, op("Floor", op("Add", turns, "half")))
            r2 = op("Mul", r, r)
            value = "series5"
            for n in (4, 3, 2, 1):
                value = op("Add", op("Mul", value, r2), f"series{n}")
            op("Mul", value, r2, to=squares[node.output[0]].output[0])
        elif not (node.op_type == "Pow" and node.input[0] in sines):
            nodes.append(node)
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    return model


class Kokoro:
    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        plan, generator, istft = split(path)
        self.plan, self.istft = (
            onnxruntime.InferenceSession(m, options, providers=["CPUExecutionProvider"]) for m in (plan, istft)
        )
        core = openvino.Core()
        settings = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
        self.generator = core.compile_model(core.read_model(generator), "CPU", settings).create_infer_request()

    def __call__(self, tokens, style, speed):
        """-> waveform [S], frames per token with both ends [N + 2]"""
        *features, durations = self.plan.run(
            None, {"tokens": [[0, *tokens, 0]], "style": style[None], "speed": np.array([speed], np.float32)}
        )
        spectrum = self.generator.infer(features)[0]
        audio = np.ravel(self.istft.run(None, {SPECTRUM: spectrum})[0])
        return np.clip(audio, -1, 1), np.ravel(durations).astype(int)


def mixture(names, rng):
    """-> {voice: weight}"""
    gender = rng.choice("fm")
    english = [v for v in names if v[0] in "ab" and v[1] == gender]
    chosen = dict.fromkeys(
        [*rng.sample(english, rng.choice([1, 1, 2])), *rng.sample([v for v in names if v[1] == gender], 1)]
    )
    weights = np.random.RandomState(rng.randrange(1 << 30)).dirichlet([1.5] * len(chosen))
    return {v: float(w) for v, w in zip(chosen, weights)}


def main():
    p = argparse.ArgumentParser()
    for name in ("model", "voices", "texts", "out"):
        p.add_argument("--" + name, required=True)
    for name, default in (
        ("minutes", 60.0),
        ("seed", 3),
        ("first_speaker", 400),
        ("speakers", 400),
        ("worker", 0),
        ("workers", 1),
    ):
        p.add_argument("--" + name.replace("_", "-"), type=type(default), default=default)
    a = p.parse_args()
    started, out, tokenizer, kokoro = time.time(), Path(a.out), Tokenizer(), Kokoro(a.model)
    (out / "audio").mkdir(parents=True, exist_ok=True)
    styles = {
        f.stem: np.fromfile(f, np.float32).reshape(-1, 256)
        for f in sorted(Path(a.voices).glob("*.bin"))
        if f.stem not in HELD_OUT
    }
    texts = [t for t in Path(a.texts).read_text("utf8").splitlines() if t.strip()]
    random.Random(a.seed).shuffle(texts)
    manifest = out / f"manifest{a.worker}.jsonl"
    lines = [json.loads(line) for line in manifest.read_text("utf8").splitlines()] if manifest.exists() else []
    index = int(lines[-1]["id"].split("-")[-1]) + a.workers if lines else a.worker
    seconds = 0.0
    with manifest.open("a", encoding="utf8") as file:
        while time.time() - started < a.minutes * 60 and index < len(texts):
            rng = random.Random(f"{a.seed}-{index}")
            text, speed, speaker = (
                texts[index],
                round(rng.uniform(0.85, 1.2), 3),
                a.first_speaker + rng.randrange(a.speakers),
            )
            name, index = f"{a.seed}-{index:06d}", index + a.workers
            phonemes = tokenizer.phonemize(text, "en-us")
            tokens = tokenizer.tokenize(phonemes)
            if not 4 <= len(tokens) <= 240 or held_out("synthetic", speaker):
                continue
            voices = mixture([*styles], random.Random(speaker))
            audio, durations = kokoro(
                tokens, sum(w * styles[v][len(tokens)] for v, w in voices.items()).astype(np.float32), speed
            )
            if np.abs(audio).max() < 0.05 or durations.sum() * FRAME != len(audio):
                continue
            soundfile.write(out / "audio" / f"{name}.flac", audio, RATE)
            line = dict(
                id=name,
                audio=f"audio/{name}.flac",
                text=text,
                phonemes=phonemes,
                durations=durations.tolist(),
                speaker=speaker,
                speed=speed,
            )
            file.write(json.dumps(line, ensure_ascii=False) + "\n"), file.flush()
            seconds += len(audio) / RATE
            if index % 50 < a.workers:
                print(f"{seconds / 3600:.2f} h, {seconds / (time.time() - started):.2f} x real time", flush=True)


if __name__ == "__main__":
    main()
