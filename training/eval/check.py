"""Holds every generator, codec and front-end against reference outputs of the published code. usage: python
    eval/check.py
../../shared/golden"""

import importlib, json, pathlib, sys
from pathlib import Path
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from papers import valle
from papers.codecs import encodec
from train.common import read_config
from data.mels import LogMel


PAPERS = {
    "melgan": "melgan",
    "parallel-wavegan": "parallel_wavegan",
    "hifi-gan": "hifi_gan",
    "fre-gan": "fre_gan",
    "univnet": "univnet",
    "bigvgan": "bigvgan",
    "istftnet": "istftnet",
    "vocos-mel": "vocos",
    "vocos-encodec": "vocos",
}


def read(folder, case):
    """-> config and state dict"""
    config = read_config(
        next(folder / n for n in ("config.json", "config.yml", "config.yaml", "args.yml") if (folder / n).exists())
    )
    file = (
        case["checkpoint"]["file"]
        if "checkpoint" in case
        else next(p.name for p in folder.iterdir() if p.suffix not in (".json", ".safetensors", ".md", ".txt"))
    )
    state = torch.load(folder / file, map_location="cpu", weights_only=True)
    for key in ("model", "generator", "model_g"):
        state = state.get(key, state)
    return config, state


def generator_of(folder, case):
    module = importlib.import_module(f"papers.vocoders.{PAPERS[case['arch']]}")
    config, state = read(folder, case)
    options = {"codewords": state["feature_extractor.codebook_weights"]} if case["arch"] == "vocos-encodec" else {}
    generator = module.Generator(config, **options).eval()
    generator.load_state_dict(state)
    return module, config, generator


def energy_error(made, expected, linear):
    """Of the energies, not their logarithms, which amplify the rounding of an FFT near the floor; relative to the
    largest."""
    made, expected = linear(made), linear(expected)
    return ((made - expected).abs().max() / expected.max().clamp(min=1)).item()


@torch.no_grad()
def errors(folder, case):
    module, config, generator = generator_of(folder, case)
    io = load_file(folder / "io.safetensors")
    for name in io:
        if not name.startswith("audio") or name.endswith("int16"):
            continue
        run = name.removeprefix("audio")
        if run.startswith("_bw"):
            made = generator(
                generator.feature_extractor(io["codes" + run], case["checkpoint"]["codebook_size"]),
                torch.tensor([int(run[3])]),
            )
        elif run == "_inference":
            mel = torch.nn.functional.pad(io["mel"], (0, 10), value=module.SILENCE)
            made = generator(mel, io["noise" + run])[..., : -10 * generator.hop]
        else:
            mel = io["mel_normalized" + run] if "mel_normalized" + run in io else io["mel" + run]
            made = generator(mel, *[io[k + run] for k in ("noise",) if k + run in io])
        yield name, (made.view_as(io[name]) - io[name]).abs().max().item()
        if "wave" + run in io:
            yield (
                "mel" + run,
                energy_error(LogMel(**module.mel_of(config))(io["wave" + run]), io["mel" + run], torch.exp),
            )


@torch.no_grad()
def codec_errors(folder, case):
    config, state = read(folder, case)
    if config["norm"] != "weight_norm":
        return
    codec, io = (
        encodec.Codec({"n_residual_layers": 1, "residual_kernel_size": 3, "dilation_base": 2} | config).eval(),
        load_file(folder / "io.safetensors"),
    )
    codec.load_state_dict(state)
    for name in io:
        if name.startswith("codes_bw"):
            kbps, _, run = name.removeprefix("codes_bw").partition("_")
            wave, run = io["audio_in" + (run and "_" + run)], name.removeprefix("codes")
            yield name, float((codec.encode(wave, float(kbps)) != io[name]).sum())
            yield "audio_out" + run, (codec.decode(io[name]) - io["audio_out" + run]).abs().max().item()


@torch.no_grad()
def language_model_errors(folder, case):
    with torch.serialization.safe_globals(
        [(pathlib.PurePath, f"pathlib.{kind}Path") for kind in ("Posix", "Windows")]
    ):  # published checkpoints hold paths of the machine they were made on
        stored = torch.load(folder / case["checkpoint"]["file"], map_location="cpu", weights_only=True)
    own = (
        {"d_model": stored.get("decoder_dim"), "num_layers": stored.get("num_decoder_layers")} | stored
        if "nhead" in stored
        else json.loads((folder / "config.json").read_text("utf8"))
    )
    state = stored["model"]
    rows = {
        "num_text_tokens": len(state["ar_text_embedding.word_embeddings.weight"]),
        "languages": 3 if case["arch"] == "valle-x" else 0,
    }
    model, io = (
        valle.VallE(valle.BASE | {k: own[k] for k in valle.BASE if k in own} | rows).eval(),
        load_file(folder / "io.safetensors"),
    )
    model.load_state_dict(state)
    for name in [n for n in io if n.startswith("codes")]:
        run = name.removeprefix("codes")
        languages = io["text_language_ids" + run][None] if "text_language_ids" + run in io else None
        made, ar, nar = model.speak(io["text_tokens" + run], io["prompt_tokens" + run], 6, languages)
        yield name, float((made != io[name]).sum()) if made.shape == io[name].shape else float("inf")
        yield (
            "nar_logits" + run,
            (nar - io["nar_logits_first3" + run]).abs().max().item() / 10,
        )  # logits are allowed 1e-3


def front_ends(folder, case):
    for entry in case["cases"]:
        p, io = entry["params"], load_file(folder / entry["file"])
        fmax = None if str(p["fmax"]).startswith("null") else p["fmax"]
        mel = LogMel(
            entry["sampling_rate"],
            p["n_fft"],
            p["hop"],
            p["n_mels"],
            p["win"],
            p["fmin"],
            fmax,
            p["scale"] == "htk",
            0.0 if p["magnitude"].startswith("abs") else 1e-9,
            p["log"],
            p["floor"],
            "center on" in p["padding"],
        )
        yield (
            entry["name"],
            energy_error(mel(io["wave"][None]), io["log_mel"], torch.exp if p["log"] == "ln" else lambda x: 10**x),
        )


def main():
    failed = 0
    for path in sorted(Path(sys.argv[1]).rglob("case.json")):
        case = json.loads(path.read_text("utf8"))
        check = (
            errors
            if case["arch"] in PAPERS
            else {
                "mel-front-ends": front_ends,
                "encodec": codec_errors,
                "valle-x": language_model_errors,
                "valle-lifeiteng": language_model_errors,
            }.get(case["arch"])
        )
        for name, error in check(path.parent, case) if check else ():
            failed += not error <= 1e-4
            print(f"{path.parent.parent.name}/{path.parent.name} {name} {error:.1e}", "" if error <= 1e-4 else "FAILED")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
