"""Holds every generator and front-end against reference outputs of the published code. usage: python -m vocoders.check ../../shared/golden"""
import importlib, json, sys
from pathlib import Path
import torch, yaml
from safetensors.torch import load_file
from mels import LogMel

PAPERS = {"melgan": "melgan", "parallel-wavegan": "parallel_wavegan", "hifi-gan": "hifi_gan", "fre-gan": "fre_gan", "univnet": "univnet", "bigvgan": "bigvgan", "istftnet": "istftnet", "vocos-mel": "vocos", "vocos-encodec": "vocos"}


def generator_of(folder, case):
    module = importlib.import_module(f"vocoders.{PAPERS[case['arch']]}")
    config = yaml.safe_load(next(folder / n for n in ("config.json", "config.yml", "config.yaml", "args.yml") if (folder / n).exists()).read_text("utf8"))
    state = torch.load(folder / case["checkpoint"]["file"], map_location="cpu", weights_only=True)
    for key in ("model", "generator", "model_g"):
        state = state.get(key, state)
    options = {"codewords": state["feature_extractor.codebook_weights"]} if case["arch"] == "vocos-encodec" else {}
    generator = module.Generator(config, **options).eval()
    generator.load_state_dict(state)
    return module, config, generator


def energy_error(made, expected, linear):
    """Of the energies, not their logarithms, which amplify the rounding of an FFT near the floor; relative to the largest."""
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
            made = generator(generator.feature_extractor(io["codes" + run]), torch.tensor([int(run[3])]))
        elif run == "_inference":
            mel = torch.nn.functional.pad(io["mel"], (0, 10), value=module.SILENCE)
            made = generator(mel, io["noise" + run])[..., : -10 * generator.hop]
        else:
            mel = io["mel_normalized" + run] if "mel_normalized" + run in io else io["mel" + run]
            made = generator(mel, *[io[k + run] for k in ("noise",) if k + run in io])
        yield name, (made.view_as(io[name]) - io[name]).abs().max().item()
        if "wave" + run in io:
            yield "mel" + run, energy_error(LogMel(**module.mel_of(config))(io["wave" + run]), io["mel" + run], torch.exp)


def front_ends(folder, case):
    for entry in case["cases"]:
        p, io = entry["params"], load_file(folder / entry["file"])
        fmax = None if str(p["fmax"]).startswith("null") else p["fmax"]
        mel = LogMel(entry["sampling_rate"], p["n_fft"], p["hop"], p["n_mels"], p["win"], p["fmin"], fmax, p["scale"] == "htk", 0.0 if p["magnitude"].startswith("abs") else 1e-9, p["log"], p["floor"], "center on" in p["padding"])
        yield entry["name"], energy_error(mel(io["wave"][None]), io["log_mel"], torch.exp if p["log"] == "ln" else lambda x: 10**x)


failed = 0
for path in sorted(Path(sys.argv[1]).rglob("case.json")):
    case = json.loads(path.read_text("utf8"))
    if case["arch"] in PAPERS or case["arch"] == "mel-front-ends":
        for name, error in (errors if case["arch"] in PAPERS else front_ends)(path.parent, case):
            failed += not error <= 1e-4
            print(f"{path.parent.parent.name}/{path.parent.name} {name} {error:.1e}", "" if error <= 1e-4 else "FAILED")
sys.exit(1 if failed else 0)
