"""PyTorch eager beside Mynah, on the same random weights: started by test/bench, one process for each model.

usage: python torch_models.py FOLDER NAME FRAMES     NAME is vocoder:PAPER:PRESET or codec:NAME:encode|decode
Writes the checkpoint as it is published, the input and the output; prints one JSON line about them; then runs once, and prints its times, for each line
"run THREADS" on standard input.
       python torch_models.py --layouts FILE NAME FRAMES ...
Writes names and shapes of all tensors, from which `pnpm bench` makes random checkpoints where there is no PyTorch.
"""
import gzip, importlib, json, resource, sys, time
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


def vocoder(paper, preset, frames):
    module = importlib.import_module(f"papers.vocoders.{paper}")
    config = module.PRESETS[preset]
    generator = module.Generator(config)
    state = tensors = generator.state_dict()
    for key in reversed(NESTING.get(paper, ("generator",))):
        state = {key: state}
    mel = torch.randn(1, module.mel_of(config)["n_mels"], frames)
    inputs = dict(mel=mel, noise=generator.noise(mel)) if hasattr(generator, "noise") else dict(mel=mel)
    run = lambda: generator(*inputs.values())
    return generator, state, tensors, inputs, run, dict(config=config, seconds=frames * generator.hop / module.mel_of(config)["rate"])


def codec(name, direction, frames):
    import torch_codecs

    model = getattr(torch_codecs, name.capitalize())()
    state = tensors = model.state_dict()
    if name == "dac":
        state = {"state_dict": state, "metadata": {"kwargs": model.config}}
    strides = model.strides[: model.levels]
    if direction == "encode":
        inputs = dict(wave=torch.rand(1, 1, frames * model.hop) - 0.5)
        run = lambda: model.encode(inputs["wave"], model.levels)
    else:
        codes = torch.stack([torch.randint(model.bins, (frames // s,)).repeat_interleave(s) for s in strides])
        inputs = dict(codes=codes, **{f"noise{i}": torch.randn(1, 1, frames * s) for i, s in enumerate(model.noise_strides)})
        run = lambda: model.decode(codes, [inputs[k] for k in inputs if k != "codes"])
    return model, state, tensors, inputs, run, dict(config=model.config, seconds=frames * model.hop / model.rate)


def build(name, frames):
    torch.manual_seed(0)
    kind, model, variant = name.split(":")
    return {"vocoder": vocoder, "codec": codec}[kind](model, variant, frames)


@torch.inference_mode()
def race(folder, name, frames):
    torch.set_num_interop_threads(1)
    model, state, _, inputs, run, facts = build(name, frames)
    torch.save(state, folder / "checkpoint.pt")
    fold(model)
    shapes = save(dict(inputs, output=run()), folder)
    print(json.dumps(dict(facts, shapes=shapes, torch=torch.__version__)), flush=True)
    for line in sys.stdin:
        torch.set_num_threads(int(line.split()[1]))
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        times = dict(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)
        print(json.dumps(dict(times, peakMegabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)), flush=True)


def layouts(path, *models):
    shapes = lambda tensors: {name: list(tensor.shape) for name, tensor in tensors.items()}
    found = {}
    for name, frames in zip(models[::2], models[1::2]):
        _, _, tensors, inputs, _, facts = build(name, int(frames))
        found[name] = dict(facts, shapes=shapes(inputs), tensors=shapes(tensors))
    Path(path).write_bytes(gzip.compress(json.dumps(found).encode(), mtime=0))


if sys.argv[1] == "--layouts":
    layouts(*sys.argv[2:])
else:
    race(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
