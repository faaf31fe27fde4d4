"""Writes a trained model as it is published, with a case.json of what PyTorch makes of it: `pnpm parity FOLDER` then
holds the TypeScript side against it."""

import json
from pathlib import Path
import torch
from safetensors.torch import save_file


def write_case(folder, arch, checkpoint, state, config, io, beside={}, **about):
    """folder: emptied of older exports; checkpoint: (file name, keys around the state dict); config: (file name,
    values); io: inputs and outputs by name;
    beside: what the checkpoint holds next to the state dict; about: more to tell of it in case.json."""
    folder, (file, nesting) = Path(folder), checkpoint
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    state = {k: v.detach().cpu() for k, v in state.items()}
    for key in reversed(nesting):
        state = {key: state}
    torch.save(state | beside, folder / file)
    (folder / config[0]).write_text(json.dumps(config[1], indent=2) + "\n", "utf8")  # JSON is YAML too
    save_file({k: v.detach().cpu().contiguous() for k, v in io.items()}, folder / "io.safetensors")
    case = dict(
        arch=arch,
        case=folder.name,
        reference="training/ of this repository",
        checkpoint=dict(file=file, **about),
        tolerance=1e-4,
    )
    (folder / "case.json").write_text(json.dumps(case, indent=2) + "\n", "utf8")
