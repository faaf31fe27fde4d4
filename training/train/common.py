"""What every train script shares: a run folder with resumable checkpoints, a time limit, a CSV log and PNG curves."""

import argparse, csv, json, math, os, random, signal, time
from pathlib import Path
import numpy as np, torch


def arguments(description, **defaults):
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--cache", default="", help="folder written by corpus.py or tokenize_corpus.py")
    p.add_argument("--run", required=True, help="folder for checkpoints and logs; an existing one is resumed")
    p.add_argument("--minutes", type=float, help="stop after this many minutes of training in all (60 if no --steps)")
    p.add_argument("--steps", type=int, default=0, help="stop after this many steps in all")
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
    if a.minutes is None:
        a.minutes = math.inf if a.steps else 60
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


def config_of(a, presets):
    """The published config that --config names, or the preset that --preset does: for --smoke the tiny one, else the
    first."""
    if a.config:
        return read_config(a.config)
    return presets[a.preset or ("tiny" if a.smoke else next(iter(presets)))]


def waves(draw, count, device):
    """-> waveforms [B, S] of `count` pieces that data.corpus.Segments or Noise draws"""
    return torch.from_numpy(np.stack([draw() for _ in range(count)]).astype(np.float32)).to(device)


def autocast(a):
    """bfloat16 for matrix products where the processor has instructions for it (here one core does 430 GFLOP/s so, 57
    in float32)."""
    fast = a.device == "cuda" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(a.device, torch.bfloat16, enabled=fast)


BIGRAM = "bigram"  # what export.py adds to the aligner's weights (data/bigram.py); no part of the network


def read_export(path):
    """A state dict from what export.py wrote: int8 rows times their scales, everything in float32."""
    from safetensors.torch import load_file

    stored = load_file(path)
    return {
        k: v.float() * stored[k + ".scale"][:, None] if k + ".scale" in stored else v.float()
        for k, v in stored.items()
        if not k.endswith(".scale") and k != BIGRAM
    }


def weights(paths, device="cpu"):
    """A state dict from the last.pt of a run (the average of its first module), or from exported safetensors, several
    joined by commas."""
    if paths.endswith(".pt"):
        return torch.load(paths, map_location=device, weights_only=True)["average"]
    return {k: v.to(device) for path in paths.split(",") for k, v in read_export(path).items()}


def codebook(a, config):
    """The codec's codebooks [K, N, L] of --codec, or random ones for --smoke."""
    if a.smoke:
        random_one = torch.randn(config["codebooks"], config["codebook_size"], config["latent_dim"])
        return random_one.to(a.device)
    return weights(a.codec, a.device)["rvq.codebook"]


def mean_weights(paths, device="cpu"):
    """`weights`, or the mean of several joined by +: of the tensors that all of them have."""
    states = [weights(each, device) for each in paths.split("+")]
    return {k: torch.stack([s[k] for s in states]).mean(0) for k in states[0] if all(k in s for s in states)}


def begin_from(module, paths):
    """Loads --init into a module: exported safetensors (a codec is in two files), or a checkpoint as papers.published
    reads it."""
    state = {}
    for path in paths:
        state |= read_export(path) if path.endswith(".safetensors") else published(path)
    state = refitted(state, module.state_dict())
    missing = [k for k, _ in module.named_parameters() if k not in state]
    if missing:
        raise SystemExit(f"--init: {' '.join(paths)} lack {len(missing)} parameters, such as {missing[0]}")
    module.load_state_dict(
        state, strict=False
    )  # an export leaves out buffers that are derived or only used in training


NESTED = (
    "generator",
    "model_g",
    "netG",
    "model",
    "state_dict",
    "module",
    "average",
)  # what checkpoints keep weights under


def published(path):
    """The weights of a PyTorch checkpoint: a run's last.pt, or a published .pt, .pth, .bin or g_… file"""
    state = torch.load(path, map_location="cpu", weights_only=True)
    if "average" in state:
        return state["average"]
    while (inner := next((state[k] for k in NESTED if isinstance(state.get(k), dict)), None)) is not None:
        state = inner
    return state


def refitted(state, wanted):
    """A state dict with weight norm as `wanted` has it: what `mynah convert` writes has plain weights, whose norm over
    all but the first dimension becomes the gain."""
    state = dict(state)
    for key in wanted:
        if key.endswith("weight_v") and key not in state and (plain := key[:-2]) in state:
            v = state.pop(plain)
            state[key], state[plain + "_g"] = v, v.flatten(1).norm(dim=1).view(wanted[plain + "_g"].shape)
    return state


def descend(loss, optimizer, module, norm):
    """One step of an optimizer down the gradient of `loss`, clipped to `norm`."""
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(module.parameters(), norm)
    optimizer.step()


def descend_if_finite(backward, optimizer, groups, norm=None):
    """One step down the gradients that `backward()` makes, clipped in each group of parameters by itself; none where
    they are not finite."""
    optimizer.zero_grad()
    backward()
    norms = [torch.nn.utils.clip_grad_norm_(group, norm or math.inf) for group in groups]
    if all(norm.isfinite() for norm in norms):
        optimizer.step()


def adversarial(a, recipe, real, fake, learn):
    """One step against a recipe's discriminators: they learn by `learn(loss)`, where it is given; then they stay as they
    are -> the generator's terms, the discriminators' loss"""
    told = torch.zeros(())
    if learn:
        with autocast(a):
            told = recipe.judge(recipe.hear(real), recipe.hear(fake.detach()))
        learn(told)
    recipe.discriminators.requires_grad_(False)
    with autocast(a):
        with torch.no_grad():
            heard = recipe.hear(real)
        terms = recipe.fool(heard, recipe.hear(fake))
    recipe.discriminators.requires_grad_(True)
    return terms, told.detach()


class Randomness:
    """The states of Python's, NumPy's and PyTorch's random numbers, and of a script's own generators."""

    def __init__(self, others=()):
        self.others = list(others)

    def state(self):
        python = [random.getstate(), *(r.getstate() for r in self.others if isinstance(r, random.Random))]
        numpy = [r.bit_generator.state for r in self.others if isinstance(r, np.random.Generator)]
        name, keys, *rest = np.random.get_state()
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        old = [name, keys.tolist(), *rest]
        return dict(
            python=json.dumps(python),
            numpy=json.dumps(numpy),
            old=json.dumps(old),
            torch=torch.get_rng_state(),
            cuda=cuda,
        )

    def restore(self, state):
        python = [(version, tuple(words), gauss) for version, words, gauss in json.loads(state["python"])]
        random.setstate(python[0])
        for r, s in zip((r for r in self.others if isinstance(r, random.Random)), python[1:]):
            r.setstate(s)
        for r, s in zip((r for r in self.others if isinstance(r, np.random.Generator)), json.loads(state["numpy"])):
            r.bit_generator.state = s
        name, keys, *rest = json.loads(state["old"])
        np.random.set_state((name, np.array(keys, np.uint32), *rest))
        torch.set_rng_state(state["torch"].cpu())
        if state["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all([s.cpu() for s in state["cuda"]])


class Run:
    """Times a run, schedules the learning rate by the share of --steps or --minutes used, averages the first module's
    weights, logs, saves and resumes: with --steps, an interrupted run ends as one that was not, to the bit on a CPU.

    SIGINT and SIGTERM save before they end it. `kept`: what else a script has to know when it goes on (tensors,
    numbers).
    """

    def __init__(self, a, modules, optimizers, horizon=1000, rngs=()):
        """horizon: steps that the average of the weights reaches back; rngs: generators that the script draws from
        beside the global ones"""
        self.a, self.modules, self.optimizers = a, modules, optimizers
        self.folder = Path(a.run)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.step, self.spent, self.started, self.sums, self.count = 0, 0.0, time.time(), {}, 0
        self.saved, self.stopped_by, self.random, self.drawn = time.time(), 0, Randomness(rngs), None
        self.rates = [g["lr"] for o in optimizers for g in o.param_groups]
        self.kept = {}
        last = self.folder / "last.pt"
        if a.init and not last.exists():
            begin_from(modules[0], a.init)
        self.live, self.horizon = modules[0].state_dict(), horizon
        self.average = {k: v.clone() for k, v in self.live.items()}
        if last.exists():
            self.resume(torch.load(last, map_location=a.device, weights_only=True))
        self.handlers = {number: signal.signal(number, self.stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def resume(self, state):
        if "random" not in state:
            raise SystemExit(f"{self.folder}/last.pt is of an older version: begin a new --run from it with --init")
        for m, s in zip(self.modules, state["modules"]):
            m.load_state_dict(s)
        for o, s in zip(self.optimizers, state["optimizers"]):
            o.load_state_dict(s)
        self.average, self.drawn = state["average"], state["random"]
        self.step, self.spent, self.kept = state["step"], state["spent"], state["kept"]
        self.sums, self.count = state["sums"], state["count"]
        log = self.folder / "log.csv"
        if log.exists():  # rows of steps that are about to be made again
            head, *rows = log.read_text("utf8").splitlines(keepends=True)
            rows = [row for row in rows if row.endswith("\n") and int(row.split(",")[0]) <= self.step]
            log.write_text("".join([head, *rows]), "utf8")

    def stop(self, number, _):
        if self.stopped_by:  # the second time at once, without saving
            raise SystemExit(128 + number)
        self.stopped_by = number

    @property
    def minutes(self):
        return (self.spent + time.time() - self.started) / 60

    def going(self):
        """Whether there is a step to make. Between two steps, all that the next one depends on is as it was saved."""
        if self.drawn:  # now, since building models and reading data draws random numbers, too
            self.random.restore(self.drawn)
            self.drawn = None
        if self.stopped_by:
            self.save()
            self.release()
            print(f"saved at step {self.step}; the same command goes on from there", flush=True)
            raise SystemExit(128 + self.stopped_by)
        if self.a.smoke and not self.a.steps:
            return self.step < 6
        return self.minutes < self.a.minutes and not 0 < self.a.steps <= self.step

    def schedule(self, warmup=200, floor=0.02):
        if self.a.steps:  # a short run does not end while it still warms up
            warmup = min(warmup, max(1, self.a.steps // 10))
        used = self.step / self.a.steps if self.a.steps else self.minutes / self.a.minutes
        share = min(1.0, used)
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
            kept=self.kept,
            sums=self.sums,
            count=self.count,
            random=self.drawn or self.random.state(),
        )
        torch.save(state, self.folder / "tmp.pt")
        os.replace(self.folder / "tmp.pt", self.folder / "last.pt")

    def release(self):
        """What comes after the last step may be interrupted as anything may."""
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def finish(self):
        self.save()
        self.release()
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
