"""PyTorch eager beside Mynah, on the same random weights: started by test/bench/side-by-side.ts, one process for each model.

usage: python torch_models.py FOLDER NAME FRAMES     NAME is vocoder:PAPER:PRESET or codec:NAME:encode|decode
Writes the checkpoint as it is published, the input and the output; prints one JSON line about them; then runs once, and prints its times, for each line
"run THREADS" on standard input.
"""
import importlib, json, resource, sys, time
from pathlib import Path
import numpy as np, torch
from torch import nn
from torch.nn.utils import parametrize

sys.path.append(str(Path(__file__).resolve().parents[2] / "training"))
# How the published checkpoints nest the generator.
NESTING = {"melgan": (), "parallel_wavegan": ("model", "generator"), "univnet": ("model_g",), "vocos": ()}


def fold(model):
    """Weight norm removed, as published inference code does before it runs."""
    for module in model.modules():
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight")
        elif hasattr(module, "weight_g"):
            nn.utils.remove_weight_norm(module)
    return model.eval()


def save(tensors, folder):
    for name, tensor in tensors.items():
        array = tensor.detach().numpy()
        array.astype(np.float32 if array.dtype.kind == "f" else np.int32).tofile(folder / f"{name}.raw")
    return {name: list(tensor.shape) for name, tensor in tensors.items()}


def vocoder(folder, paper, preset, frames):
    module = importlib.import_module(f"vocoders.{paper}")
    config = module.PRESETS[preset]
    generator = module.Generator(config)
    state = generator.state_dict()
    for key in reversed(NESTING.get(paper, ("generator",))):
        state = {key: state}
    torch.save(state, folder / "checkpoint.pt")
    mel = torch.randn(1, module.mel_of(config)["n_mels"], frames)
    inputs = dict(mel=mel, noise=generator.noise(mel)) if hasattr(generator, "noise") else dict(mel=mel)
    fold(generator)
    run = lambda: generator(*inputs.values())
    return config, run, inputs, module.mel_of(config)["rate"]


def codec(folder, name, direction, frames):
    import torch_codecs

    model = getattr(torch_codecs, name.capitalize())()
    state = model.state_dict()
    torch.save({"state_dict": state, "metadata": {"kwargs": model.kwargs}} if hasattr(model, "kwargs") else state, folder / "checkpoint.pt")
    fold(model)
    levels = 8 if name == "encodec" else len(model.quantizer.quantizers)
    if direction == "encode":
        inputs = dict(wave=torch.rand(1, 1, frames * model.hop) - 0.5)
        run = lambda: model.encode(inputs["wave"], levels)
    else:
        codes = model.encode(torch.rand(1, 1, frames * model.hop) - 0.5, levels)
        strides = [8, 64, 256, 512] if name == "snac" else []
        inputs = dict(codes=codes, **{f"noise{i}": torch.randn(1, 1, frames * s) for i, s in enumerate(strides)})
        run = lambda: model.decode(codes, [inputs[k] for k in inputs if k != "codes"])
    return getattr(model, "config", None), run, inputs, model.rate


@torch.inference_mode()
def main(folder, name, frames):
    torch.manual_seed(0)
    torch.set_num_interop_threads(1)
    kind, model, variant = name.split(":")
    config, run, inputs, rate = {"vocoder": vocoder, "codec": codec}[kind](folder, model, variant, frames)
    output = run()
    shapes = save(dict(inputs, output=output), folder)
    samples = inputs["wave"].shape[-1] if "wave" in inputs else output.shape[-1]
    print(json.dumps(dict(torch=torch.__version__, config=config, shapes=shapes, seconds=samples / rate)), flush=True)
    for line in sys.stdin:
        torch.set_num_threads(int(line.split()[1]))
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        times = dict(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)
        print(json.dumps(dict(times, peakMegabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)), flush=True)


main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
