"""Writes trained models as the bundle that @mynah/core loads: safetensors (int8 rows with a scale for matrices, fp16 for the rest) and bundle.json with sha256.

usage: python export.py [--codec RUN/last.pt] [--decoder RUN/last.pt] [--ar RUN/last.pt] [--nar RUN/last.pt] [--aligner RUN/last.pt] [--listener RUN/last.pt] --out ../packages/voice-en [--matrices int8|float16] [--tokens TOKENS --cache CACHE]
Parts that are not named stay as they are. RUN/last.pt+OTHER is the mean of the weights of both, where one was trained on from the other. --codec is the encoder with its codebooks, which give tokens their meaning: voices and language models belong to it.
--decoder is the other half, from the same or from a later run of train_codec.py --decoder-of; where --codec is given alone, both halves come from it.
With tokens and cache it also writes the ready voices, one clip each of four speakers of the corpus: needed whenever the codec changes.
"""
import argparse, hashlib, json
from pathlib import Path
import numpy as np, torch
from safetensors.torch import save_file
import common, lm
from codec import ENCODER, SMALL
from corpus import SYMBOLS

a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name in ("codec", "decoder", "ar", "nar", "aligner", "listener"):
    a.add_argument("--" + name, default="")
a.add_argument("--out", required=True)
a.add_argument("--matrices", default="int8", choices=["int8", "float16"])
a.add_argument("--tokens", default="")
a.add_argument("--cache", default="")
a = a.parse_args()
out = Path(a.out)
NOT_SHIPPED = ("rvq.ema_sum", "rvq.ema_count", "rvq.ready", "scorer.codebook")  # training state, and the copy of the codec's codebook
c, s = lm.SMALL, SMALL
PARTS = {  # in the manifest: (run, which tensors of it, architecture, config)
    "codec": (a.codec, lambda key: key.startswith(ENCODER), "mynah-codec", dict(nInput=s["n_input"], encoderDim=s["encoder_dim"], encoderLayers=s["encoder_layers"], latentDim=s["latent_dim"], codebooks=s["codebooks"], codebookSize=s["codebook_size"], hopLength=s["hop"])),
    "vocoder": (a.decoder or a.codec, lambda key: not key.startswith(ENCODER), "mynah-decoder", dict(latentDim=s["latent_dim"], decoderDim=s["decoder_dim"], decoderLayers=s["decoder_layers"], upsampledDim=s["upsampled_dim"], upsampledLayers=s["upsampled_layers"], nFft=s["n_fft"], hopLength=s["hop"])),
    "ar": (a.ar, lambda key: True, "mynah-ar", dict(symbols=c["symbols"], dim=c["dim"], heads=c["heads"], encoderLayers=c["encoder_layers"], layers=c["ar_layers"], latentDim=c["latent_dim"], codebookSize=c["codebook_size"], maxAge=c["max_age"])),
    "nar": (a.nar, lambda key: True, "mynah-nar", dict(symbols=c["symbols"], dim=c["dim"], heads=c["heads"], encoderLayers=c["encoder_layers"], layers=c["nar_layers"], latentDim=c["latent_dim"], window=c["window"])),
    "aligner": (a.aligner, lambda key: True, "mynah-aligner", dict(dim=160, layers=6, symbols=c["symbols"], nInput=s["n_input"])),
    "listener": (a.listener, lambda key: True, "mynah-listener", dict(dim=160, layers=6, symbols=c["symbols"], nInput=s["latent_dim"], clear=-2.5)),
}


def pack(path, chosen, name):
    packed = {}
    for key, value in common.mean_weights(path).items():
        if key in NOT_SHIPPED or not chosen(key):
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


out.mkdir(parents=True, exist_ok=True)
manifest_path = out / "bundle.json"
before = json.loads(manifest_path.read_text("utf8")) if manifest_path.exists() else {}
absent = [name for name, (run, *_) in PARTS.items() if not run and name not in before]
if absent:
    raise SystemExit(f"{manifest_path} has no {', '.join(absent)} yet: name the runs they come from")
if a.codec and before.get("voices") and not a.tokens:
    raise SystemExit("--codec changes what the codes of the ready voices mean: pass --tokens and --cache to write them anew")
manifest = dict(format="mynah-bundle", version=1, name=before.get("name", "voice-en"), language="en-us", licence="MIT", sampleRate=24000, frameRate=40, phonemes=SYMBOLS)
for name, (run, chosen, architecture, config) in PARTS.items():
    manifest[name] = dict(architecture=architecture, config=config, **pack(run, chosen, name)) if run else before[name]
manifest["sampling"] = before.get("sampling", dict(temperature=0.35, topK=30, topP=1, repetitionPenalty=1, takes=4))
manifest["voices"] = before.get("voices", [])
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
        item = min((i for i in tokens.speakers[f"{speaker}/0"] if not i["prompt_only"]), key=lambda i: abs(i["frames"] - 170))
        tensors = dict(codes=torch.from_numpy(tokens.codes(item).T.astype(np.int32)).contiguous(), phonemes=torch.from_numpy(item["phonemes"].astype(np.int32)), durations=torch.from_numpy(item["durations"].astype(np.int32)))
        metadata = dict(format="mynah-voice", version="1", codec=f"mynah-codec@{manifest['codec']['sha256']}", name=name, transcript=texts[item["id"]], consent="synthetic voice; no person's", licence=LICENCE)
        file = out / "voices" / f"{name}.voice.safetensors"
        save_file(tensors, file, metadata)
        manifest["voices"].append(dict(name=name, file=f"voices/{file.name}", description=description, licence=LICENCE, sha256=hashlib.sha256(file.read_bytes()).hexdigest()))


if a.tokens:
    write_voices()
manifest_path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", "utf8")
print({name: manifest[name]["bytes"] for name in PARTS})
