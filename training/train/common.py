"""What every train script shares: a run folder with resumable checkpoints, a time limit, a CSV log and PNG curves."""

import argparse, csv, json, math, os, random, time
from pathlib import Path
import numpy as np, torch


def arguments(description, **defaults):
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--cache", default="", help="folder written by corpus.py or tokenize_corpus.py")
    p.add_argument("--run", required=True, help="folder for checkpoints and logs; an existing one is resumed")
    p.add_argument(
        "--minutes",
        type=float,
        default=60,
        help="stop after this many minutes of training in all; the learning rate ends there",
    )
    p.add_argument("--device", default="auto")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument(
        "--init",
        nargs="*",
        default=[],
        help="safetensors of an exported bundle to begin from, where the run folder is new; "
        "a codec is in two files, codec and vocoder",
    )
    p.add_argument(
        "--log-every", type=int, default=0, help="steps that a row of the log averages; 0: as the script says"
    )
    p.add_argument(
        "--smoke", action="store_true", help="a few steps of a tiny model on random data, to prove that the script runs"
    )
    for name, value in defaults.items():
        p.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    a.device = device_of(a.device)
    random.seed(a.seed), np.random.seed(a.seed), torch.manual_seed(a.seed)
    return a


def device_of(name):
    """What `--device` names; auto is CUDA where there is one."""
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def read_config(path):
    """A published config: JSON, or YAML if PyYAML is there."""
    text = Path(path).read_text("utf8")
    if Path(path).suffix == ".json":
        return json.loads(text)
    import yaml

    return yaml.safe_load(text)


def autocast(a):
    """bfloat16 for matrix products where the processor has instructions for it (here one core does 430 GFLOP/s so, 57
    in float32)."""
    fast = a.device == "cuda" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(a.device, torch.bfloat16, enabled=fast)


def read_export(path):
    """A state dict from what export.py wrote: int8 rows times their scales, everything in float32."""
    from safetensors.torch import load_file

    stored = load_file(path)
    return {
        k: v.float() * stored[k + ".scale"][:, None] if k + ".scale" in stored else v.float()
        for k, v in stored.items()
        if not k.endswith(".scale")
    }


def weights(paths, device="cpu"):
    """A state dict from the last.pt of a run (the average of its first module), or from exported safetensors, several
    joined by commas."""
    if paths.endswith(".pt"):
        return torch.load(paths, map_location=device, weights_only=True)["average"]
    return {k: v.to(device) for path in paths.split(",") for k, v in read_export(path).items()}


def mean_weights(paths, device="cpu"):
    """`weights`, or the mean of several joined by +: of the tensors that all of them have."""
    states = [weights(each, device) for each in paths.split("+")]
    return {k: torch.stack([s[k] for s in states]).mean(0) for k in states[0] if all(k in s for s in states)}


def descend(loss, optimizer, module, norm):
    """One step of an optimizer down the gradient of `loss`, clipped to `norm`."""
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(module.parameters(), norm)
    optimizer.step()


class Run:
    """Times a run, schedules the learning rate by the share of --minutes used, averages the first module's weights,
    logs, saves and resumes."""

    def __init__(self, a, modules, optimizers, horizon=1000):
        """horizon: steps that the average of the weights reaches back"""
        self.a, self.modules, self.optimizers = a, modules, optimizers
        self.folder = Path(a.run)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.step, self.spent, self.started, self.sums, self.count = 0, 0.0, time.time(), {}, 0
        self.saved = time.time()
        self.rates = [g["lr"] for o in optimizers for g in o.param_groups]
        self.extra = {}
        last = self.folder / "last.pt"
        if a.init and not last.exists():
            state = {k: v for path in a.init for k, v in read_export(path).items()}
            missing = [k for k, _ in modules[0].named_parameters() if k not in state]
            if missing:
                raise SystemExit(f"--init: {' '.join(a.init)} lack {len(missing)} parameters, such as {missing[0]}")
            modules[0].load_state_dict(
                state, strict=False
            )  # the export leaves out buffers that are derived or only used in training
        self.live, self.horizon = modules[0].state_dict(), horizon
        self.average = {k: v.clone() for k, v in self.live.items()}
        if last.exists():
            state = torch.load(last, map_location=a.device, weights_only=True)
            for m, s in zip(modules, state["modules"]):
                m.load_state_dict(s)
            self.average = state["average"]
            for o, s in zip(optimizers, state["optimizers"]):
                o.load_state_dict(s)
            self.step, self.spent, self.extra = state["step"], state["spent"], state["extra"]

    @property
    def minutes(self):
        return (self.spent + time.time() - self.started) / 60

    def going(self):
        if self.a.smoke:
            return self.step < 6
        return self.minutes < self.a.minutes

    def schedule(self, warmup=200, floor=0.02):
        share = min(1.0, self.minutes / self.a.minutes)
        factor = min(1.0, (self.step + 1) / warmup) * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share)))
        self.scale_rates(factor)

    def scale_rates(self, factor):
        """Sets every learning rate to `factor` times what it began with."""
        rates = iter(self.rates)
        for o in self.optimizers:
            for g in o.param_groups:
                g["lr"] = next(rates) * factor

    def follow(self):
        """Moves the average towards the weights as they are now."""
        share = max(1 / self.horizon, min(1.0, 8 / (self.step + 1)))  # of a short run only the last eighth or so
        means = [k for k, v in self.live.items() if v.is_floating_point()]
        torch._foreach_lerp_([self.average[k] for k in means], [self.live[k] for k in means], share)
        self.average |= {k: v.clone() for k, v in self.live.items() if not v.is_floating_point()}

    def log(self, values, every=50, save_minutes=3):
        self.step += 1
        self.follow()
        self.count += 1
        for k, v in values.items():
            self.sums[k] = self.sums.get(k, 0.0) + float(torch.as_tensor(v).detach())
        if self.step % (self.a.log_every or every) == 0 or self.a.smoke:
            row = {
                "step": self.step,
                "minutes": round(self.minutes, 2),
                **{k: round(v / self.count, 4) for k, v in self.sums.items()},
            }
            self.sums, self.count = {}, 0
            path = self.folder / "log.csv"
            new = not path.exists()
            with path.open("a", newline="") as f:
                w = csv.DictWriter(f, row.keys())
                if new:
                    w.writeheader()
                w.writerow(row)
            print(row, flush=True)
        if time.time() - self.saved > save_minutes * 60:
            self.save()

    def save(self):
        self.saved = time.time()
        state = dict(
            modules=[m.state_dict() for m in self.modules],
            average=self.average,
            optimizers=[o.state_dict() for o in self.optimizers],
            step=self.step,
            spent=self.minutes * 60,
            extra=self.extra,
        )
        torch.save(state, self.folder / "tmp.pt")
        os.replace(self.folder / "tmp.pt", self.folder / "last.pt")

    def finish(self):
        self.save()
        try:
            import matplotlib

            matplotlib.use("Agg")
            import matplotlib.pyplot as plt
        except ImportError:
            return
        log = self.folder / "log.csv"
        if not log.exists():  # it ended before the first row
            return
        rows = list(csv.DictReader(log.open()))
        keys = [k for k in rows[0] if k not in ("step", "minutes")]
        fig, axes = plt.subplots(1, len(keys), figsize=(4 * len(keys), 3), squeeze=False)
        for ax, k in zip(axes[0], keys):
            ax.plot([int(r["step"]) for r in rows], [float(r[k]) for r in rows]), ax.set_title(k)
        fig.tight_layout(), fig.savefig(self.folder / "curves.png")
