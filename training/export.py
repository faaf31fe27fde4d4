"""Writes a trained model as the bundle that @mynah/core loads: safetensors (int8 rows with a scale for matrices, fp16 for the rest) and bundle.json with sha256.

usage: python export.py --codec RUN/last.pt --ar RUN/last.pt --nar RUN/last.pt --aligner RUN/last.pt --out ../packages/voice-en [--matrices int8|float16] [--tokens TOKENS --cache CACHE]
With tokens and cache it also writes the ready voices: one clip each of four speakers of the corpus.
"""
import argparse, hashlib, json
from pathlib import Path
import numpy as np, torch
from safetensors.torch import save_file
import lm
from codec import SMALL
from corpus import SYMBOLS

a = argparse.ArgumentParser()
for name in ("codec", "ar", "nar", "aligner", "out"):
    a.add_argument("--" + name, required=True)
a.add_argument("--matrices", default="int8", choices=["int8", "float16"])
a.add_argument("--tokens", default="")
a.add_argument("--cache", default="")
a = a.parse_args()
out = Path(a.out)
NOT_SHIPPED = ("rvq.ema_sum", "rvq.ema_count", "rvq.ready", "scorer.codebook")  # training state, and the copy of the codec's codebook


def pack(path, name):
    state, packed = torch.load(path, map_location="cpu", weights_only=True)["modules"][0], {}
    for key, value in state.items():
        if key in NOT_SHIPPED:
            continue
        if a.matrices == "int8" and value.dim() == 2 and min(value.shape) >= 64 and key.endswith("weight") and "embedding" not in key:
            scale = value.abs().amax(1).clamp(min=1e-8) / 127
            packed[key], packed[key + ".scale"] = (value / scale[:, None]).round().to(torch.int8), scale.float()
        else:
            packed[key] = value.half().contiguous()
    file = out / f"{name}.safetensors"
    save_file(packed, file, {"format": "mynah"})
    data = file.read_bytes()
    return dict(file=file.name, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


manifest_path = out / "bundle.json"
manifest = json.loads(manifest_path.read_text("utf8")) if manifest_path.exists() else {}
c = lm.SMALL
manifest.update(
    format="mynah-bundle", version=1, name=manifest.get("name", "voice-en"), language="en-us", licence="MIT", sampleRate=24000, frameRate=40, phonemes=SYMBOLS,
    codec=dict(architecture="mynah-codec", config=dict(nInput=SMALL["n_input"], encoderDim=SMALL["encoder_dim"], encoderLayers=SMALL["encoder_layers"], latentDim=SMALL["latent_dim"], codebooks=SMALL["codebooks"], codebookSize=SMALL["codebook_size"], decoderDim=SMALL["decoder_dim"], decoderLayers=SMALL["decoder_layers"], upsampledDim=SMALL["upsampled_dim"], upsampledLayers=SMALL["upsampled_layers"], nFft=SMALL["n_fft"], hopLength=SMALL["hop"]), **pack(a.codec, "codec")),
    ar=dict(architecture="mynah-ar", config=dict(symbols=c["symbols"], dim=c["dim"], heads=c["heads"], encoderLayers=c["encoder_layers"], layers=c["ar_layers"], latentDim=c["latent_dim"], codebookSize=c["codebook_size"], maxAge=c["max_age"]), **pack(a.ar, "ar")),
    nar=dict(architecture="mynah-nar", config=dict(symbols=c["symbols"], dim=c["dim"], heads=c["heads"], encoderLayers=c["encoder_layers"], layers=c["nar_layers"], latentDim=c["latent_dim"], codebooks=c["codebooks"], codebookSize=c["codebook_size"], window=c["window"]), **pack(a.nar, "nar")),
    aligner=dict(architecture="mynah-aligner", config=dict(dim=160, layers=6, symbols=c["symbols"], nInput=SMALL["n_input"]), **pack(a.aligner, "aligner")),
)
manifest.setdefault("sampling", dict(temperature=0.5, topK=30, topP=1, repetitionPenalty=1))
manifest.setdefault("voices", [])
VOICES = dict(  # name: (corpus speaker, description)
    wren=("synthetic-3", "a woman, US English"), heron=("synthetic-15", "a man, US English"), robin=("synthetic-19", "a woman, British timbre"), rook=("synthetic-22", "a man, British timbre"))
LICENCE = "CC0-1.0 codes of synthetic speech; teacher Kokoro-82M (Apache-2.0)"


def write_voices():
    from corpus import Corpus
    from tokens import Tokens

    tokens, texts = Tokens(a.tokens), {i["id"]: i["text"] for i in Corpus(a.cache).items}
    (out / "voices").mkdir(exist_ok=True)
    manifest["voices"] = []
    for name, (speaker, description) in VOICES.items():
        item = min(tokens.speakers[f"{speaker}/0"], key=lambda i: abs(i["frames"] - 170))
        tensors = dict(codes=torch.from_numpy(tokens.codes(item).T.astype(np.int32)).contiguous(), phonemes=torch.from_numpy(item["phonemes"].astype(np.int32)), durations=torch.from_numpy(item["durations"].astype(np.int32)))
        metadata = dict(format="mynah-voice", version="1", codec=f"mynah-codec@{manifest['codec']['sha256']}", name=name, transcript=texts[item["id"]], consent="synthetic voice; no person's", licence=LICENCE)
        file = out / "voices" / f"{name}.voice.safetensors"
        save_file(tensors, file, metadata)
        manifest["voices"].append(dict(name=name, file=f"voices/{file.name}", description=description, licence=LICENCE, sha256=hashlib.sha256(file.read_bytes()).hexdigest()))


if a.tokens:
    write_voices()
manifest_path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", "utf8")
print({k: manifest[k]["bytes"] for k in ("codec", "ar", "nar", "aligner")})
