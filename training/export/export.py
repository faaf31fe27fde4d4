"""Writes trained models as the bundle that @mynah/core loads: safetensors (int8 rows with a scale for matrices, fp16
for the rest) and bundle.json with sha256.

usage: python export/export.py [--codec RUN/last.pt] [--decoder RUN/last.pt] [--ar RUN/last.pt] [--nar RUN/last.pt]
    [--aligner
    RUN/last.pt] [--scorer RUN/last.pt] --out ../packages/voice-en [--matrices int8|float16] [--tokens TOKENS --cache
    CACHE]
Parts that are not named stay as they are. RUN/last.pt+OTHER is the mean of the weights of both, where one was trained
on from the other. --codec is the encoder with its codebooks, which give tokens their meaning: voices and language
models belong to it.
--decoder is the other half, from the same or from a later run of train_codec.py --decoder-of; where --codec is given
alone, both halves come from it.
With tokens and cache it also writes the ready voices, one or two clips each of eight speakers of the corpus: needed
whenever the codec changes.
"""

import argparse, hashlib, json, sys
from pathlib import Path
import numpy as np, torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from mynah import lm
from train import common
from mynah.codec import SMALL
from data import bigram
from data.corpus import SYMBOLS, Corpus
from data.tokens import Tokens
from export.parts import PARTS, manifest_config, tensors_of

VOICES = dict(  # name: (clips of the synthetic corpus, one after the other; description)
    wren=(["1-000492"], "a woman, US English, even and fluent"),
    heron=(["1-001786"], "a man, US English, calm"),
    rook=(["1-001806"], "a man, British timbre, measured"),
    robin=(["1-000738", "1-002228"], "a woman with a low voice, US English, unhurried"),
    lark=(["1-002040", "1-000226"], "a woman, US English, bright and lively"),
    linnet=(["1-002166", "1-001498"], "a woman, US English, lively and clear"),
    jay=(["1-000296", "1-001996"], "a man, US English, lively"),
    owl=(["1-001066"], "a man with a deep voice, British timbre, slow"),
)
LICENCE = "CC0-1.0 codes of synthetic speech; teacher Kokoro-82M (Apache-2.0)"
PROMPT_FRAMES = 170  # of the clip of a ready voice
LISTENS = dict(dim=160, layers=6, symbols=lm.SMALL["symbols"])
MODELS = dict(  # of each part: the architecture's name and its sizes
    codec=("mynah-codec", SMALL),
    vocoder=("mynah-decoder", SMALL),
    ar=("mynah-ar", lm.SMALL),
    nar=("mynah-nar", lm.SMALL),
    aligner=("mynah-aligner", dict(LISTENS, n_input=SMALL["n_input"])),
    scorer=("mynah-scorer", dict(LISTENS, n_input=SMALL["latent_dim"], clear=-2.5)),
)


def packed(state, int8):
    """Tensors as they are stored: large matrices as int8 rows with a scale each, where asked for, everything else in
    float16."""
    stored = {}
    for key, value in state.items():
        matrix = value.dim() == 2 and min(value.shape) >= 64 and key.endswith("weight") and "embedding" not in key
        if int8 and matrix:
            scale = value.abs().amax(1).clamp(min=1e-8) / 127
            stored[key], stored[key + ".scale"] = (value / scale[:, None]).round().to(torch.int8), scale.float()
        else:
            stored[key] = value.half().contiguous()
    return stored


def write_part(out, part, path, int8):
    """-> its entry in the manifest"""
    architecture, sizes = MODELS[part]
    state = tensors_of(part, common.mean_weights(path))
    if part in ("ar", "nar"):
        sizes = lm.config_of(state)
    file = out / f"{part}.safetensors"
    added = {common.BIGRAM: torch.from_numpy(bigram.load())} if part == "aligner" else {}
    save_file(packed(state, int8) | added, file, {"format": "mynah"})
    data = file.read_bytes()
    about = dict(file=file.name, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    return dict(architecture=architecture, config=manifest_config(part, sizes), **about)


def write_voice(out, name, tokens, clips, codec_hash, transcript, description, consent, licence=""):
    """A ready voice of one or more clips of a speaker -> its entry in the manifest"""
    (out / "voices").mkdir(exist_ok=True)
    int32 = lambda x: torch.from_numpy(np.asarray(x).astype(np.int32)).contiguous()
    tensors = dict(codes=int32(np.concatenate([tokens.codes(clip) for clip in clips]).T))
    tensors |= {key: int32(np.concatenate([clip[key] for clip in clips])) for key in ("phonemes", "durations")}
    about = dict(format="mynah-voice", version="1", codec=f"mynah-codec@{codec_hash}", name=name)
    file = out / "voices" / f"{name}.voice.safetensors"
    save_file(tensors, file, about | dict(transcript=transcript, consent=consent, licence=licence))
    entry = dict(name=name, file=f"voices/{file.name}", description=description, licence=licence)
    return entry | dict(sha256=hashlib.sha256(file.read_bytes()).hexdigest())


def write_voices(out, tokens, texts, codec_hash):
    """The ready voices of the embedded model -> their entries in the manifest"""
    plain = {i["clip"]: i for i in tokens.items if i["kind"] == "synthetic" and i["variant"] == 0}
    entries = []
    for name, (clips, description) in VOICES.items():
        about = (" ".join(texts[clip] for clip in clips), description, "synthetic voice; no person's", LICENCE)
        entries.append(write_voice(out, name, tokens, [plain[clip] for clip in clips], codec_hash, *about))
    return entries


def write_own_voice(out, name, tokens, items, codec_hash):
    """A ready voice of own recordings, with the consent that was recorded with them -> its entry in the manifest.
    The clip: whole, of a good length for a prompt, and close to its text."""
    clips = [i for i in tokens.items if i["kind"] == "recordings" and not i["prompt_only"] and i["clip"] in items]
    if not clips:
        raise SystemExit("--voice: no whole clip of own recordings is among the tokens")
    item = min(clips, key=lambda i: abs(i["frames"] - PROMPT_FRAMES) / PROMPT_FRAMES - i.get("score", 0))
    about = items[item["clip"]]
    if not about.get("consent"):
        raise SystemExit("--voice: the recordings have no consent; make the cache anew with --consent")
    speaker = about["speaker"].split("-", 1)[1]
    return write_voice(out, name, tokens, [item], codec_hash, about["text"], f"{speaker}, recorded", about["consent"])


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("codec", "decoder", "ar", "nar", "aligner"):
        a.add_argument("--" + name, default="")
    a.add_argument("--scorer", "--listener", default="")
    a.add_argument("--out", required=True)
    a.add_argument("--matrices", default="int8", choices=["int8", "float16"])
    a.add_argument("--tokens", default="")
    a.add_argument("--cache", default="")
    a.add_argument(
        "--voice", default="", help="name of one more ready voice, of own recordings in --tokens and --cache"
    )
    return a.parse_args()


def current(manifest):
    """A manifest by today's names: before 0.2 the scorer was a listener, and candidates were takes."""
    renamed = {"scorer" if key == "listener" else key: value for key, value in manifest.items()}
    if "scorer" in renamed:
        renamed["scorer"] = renamed["scorer"] | dict(architecture=MODELS["scorer"][0])
    sampling = renamed.get("sampling", {})
    if "takes" in sampling:
        renamed["sampling"] = {"candidates" if key == "takes" else key: value for key, value in sampling.items()}
    return renamed


def main():
    a = arguments()
    out = Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "bundle.json"
    before = current(json.loads(path.read_text("utf8"))) if path.exists() else {}
    runs = {part: a.decoder or a.codec if part == "vocoder" else getattr(a, part) for part in PARTS}
    absent = [part for part, run in runs.items() if not run and part not in before]
    if absent:
        raise SystemExit(f"{path} has no {', '.join(absent)} yet: name the runs they come from")
    if a.codec and before.get("voices") and not a.tokens:
        raise SystemExit("--codec changes what the codes of the ready voices mean: pass --tokens and --cache as well")
    manifest = dict(format="mynah-bundle", version=1, name=before.get("name", "voice-en"), language="en-us")
    manifest |= dict(licence="MIT", sampleRate=24000, frameRate=40, phonemes=SYMBOLS)
    for part, run in runs.items():
        manifest[part] = write_part(out, part, run, a.matrices == "int8") if run else before[part]
        if part in before and before[part]["file"] != manifest[part]["file"]:
            (out / before[part]["file"]).unlink(missing_ok=True)  # of an older name
    usual = dict(temperature=0.35, topK=30, topP=1, repetitionPenalty=1, candidates=4)
    manifest["sampling"] = before.get("sampling", usual)
    manifest["voices"] = before.get("voices", [])
    if a.voice:
        items = {i["id"]: i for i in Corpus(a.cache).items}
        entry = write_own_voice(out, a.voice, Tokens(a.tokens), items, manifest["codec"]["sha256"])
        manifest["voices"] = [*(v for v in manifest["voices"] if v["name"] != a.voice), entry]
    elif a.tokens:
        texts = {i["id"]: i["text"] for i in Corpus(a.cache).items}
        manifest["voices"] = write_voices(out, Tokens(a.tokens), texts, manifest["codec"]["sha256"])
    path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", "utf8")
    print({part: manifest[part]["bytes"] for part in PARTS})


if __name__ == "__main__":
    main()
