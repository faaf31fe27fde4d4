"""Reads the folders of tokenize_corpus.py and makes training sequences: a prompt of one clip, then the target clip of
the same speaker."""

import collections, json, random
from pathlib import Path
import numpy as np, torch
from data.corpus import SYMBOLS


NOISY = 0.35  # share of noisy prompts, where there are any
LONGEST_SOUND = 40  # frames; where one phoneme or pause lasts longer, words are missing from the transcript
PAUSES = [i for i, s in enumerate(SYMBOLS) if s in " ,.;:!?—…"]


def halves(item):
    """A speaker's only clip cut at the pause (of 0.2 s or more) nearest to its middle, so that one half can be the
    other's prompt; whole where there is none."""
    d, edges = item["durations"], np.cumsum(item["durations"])
    cuts = [
        j
        for j in range(1, len(d) - 1)
        if item["phonemes"][j] in PAUSES and d[j] >= 8 and 0.25 < edges[j] / edges[-1] < 0.75
    ]
    if not cuts:
        return [item]
    j = min(cuts, key=lambda j: abs(edges[j] / edges[-1] - 0.5))
    before = edges[j] - d[j] + d[j] // 2
    boundary, left, right = np.array([0]), np.array([d[j] // 2]), np.array([d[j] - d[j] // 2])
    first = dict(
        item,
        id=item["id"] + "/1",
        frames=int(before),
        phonemes=np.concatenate([item["phonemes"][:j], boundary]),
        durations=np.concatenate([d[:j], left]),
    )
    second = dict(
        item,
        id=item["id"] + "/2",
        cut=False,
        start=item["start"] + int(before),
        offset=int(before),
        frames=item["frames"] - int(before),
        phonemes=np.concatenate([boundary, item["phonemes"][j + 1 :]]),
        durations=np.concatenate([right, d[j + 1 :]]),
    )
    return [first, second]


class Tokens:
    def __init__(self, folder, longest=480):
        self.parts, self.items = [], []
        for part in sorted(Path(folder).glob("part*")):
            lines = [json.loads(l) for l in (part / "index.jsonl").read_text("utf8").splitlines()]
            rows = sum(l["frames"] for l in lines)
            codes = np.fromfile(part / "codes.i16", np.int16).reshape(rows, -1)
            for l in lines:
                l["part"], l["offset"] = len(self.parts), 0  # frames of the clip before it
                l["durations"], l["phonemes"] = np.array(l["durations"]), np.array(l["phonemes"])
            self.parts.append(codes)
            self.items += lines
        alone = {
            s
            for s, n in collections.Counter(i["speaker"] for i in self.items if not i["prompt_only"]).items()
            if n == 1
        }
        self.items = [piece for i in self.items for piece in (halves(i) if i["speaker"] in alone else [i])]
        speakers = {}
        for item in self.items:
            speakers.setdefault(item["speaker"], []).append(item)
        self.speakers = speakers
        fits = [
            i
            for i in self.items
            if 24 <= i["frames"] <= longest
            and not i["prompt_only"]
            and not i.get("cut")
            and max(i["durations"][1:-1]) <= LONGEST_SOUND
        ]
        self.train = sorted((i for i in fits if not i["validation"]), key=lambda i: i["frames"])
        self.validation = sorted(
            (i for i in fits if i["validation"] and len(speakers[i["speaker"]]) > 1), key=lambda i: i["frames"]
        )

    def codes(self, item):
        return self.parts[item["part"]][item["start"] : item["start"] + item["frames"]]

    def prompt(self, item, rng, low, high):
        """A stretch of whole phonemes of another clip of the same speaker (of this clip's own beginning if there is no
        other), clean or noisy: (clip, first, last phoneme)."""
        noisy = rng.random() < NOISY
        others = [o for o in self.speakers[item["speaker"]] if o["id"] != item["id"]]
        others = [o for o in others if o["prompt_only"] == noisy] or others
        source = rng.choice(others) if others else item
        edges = np.concatenate([[0], np.cumsum(source["durations"])])
        want = rng.randint(low, high)
        if source["frames"] <= want:
            return source, 0, len(source["durations"])
        first = int(np.searchsorted(edges, rng.randint(0, source["frames"] - want), side="right")) - 1
        last = int(np.searchsorted(edges, edges[first] + want, side="right")) - 1
        return source, first, max(last, first + 1)

    def batch(self, size, rng, validation=False, low=60, high=160):
        """`collate` of random rows of similar length."""
        pool = self.validation if validation else self.train
        centre = rng.randrange(len(pool))
        near = pool[max(0, centre - 5 * size) : centre + 5 * size]
        return collate([self.row(item, rng, low, high) for item in rng.sample(near, size)])

    def row(self, item, rng, low=60, high=160):
        """The sequence of one clip: a random prompt of `low` to `high` frames, then the clip."""
        source, first, last = self.prompt(item, rng, low, high)
        edges = np.concatenate([[0], np.cumsum(source["durations"])])
        s, e = edges[first], edges[last]
        ids = np.concatenate([source["phonemes"][first:last], item["phonemes"]])
        durations = np.concatenate([source["durations"][first:last], item["durations"]])
        return dict(
            ids=ids,
            frame_phoneme=np.repeat(np.arange(len(ids)), durations),
            age=np.concatenate([np.arange(d) for d in durations]),
            advance=np.concatenate([np.arange(d) == d - 1 for d in durations]).astype(np.float32),
            codes=np.concatenate([self.codes(source)[s:e], self.codes(item)]).astype(np.int64),
            kind=np.repeat([1, 2], [e - s, item["frames"]]),
            prompt_frames=int(e - s),
        )


def collate(rows):
    """-> dict of padded tensors; frames of a row: prompt then target.
    ids, ids_valid [B, P]; frame_phoneme, age, kind (1 prompt, 2 target), advance, valid [B, T]; codes [B, T, K];
    prompt_frames [B]"""

    def pad(key):
        n = max(len(r[key]) for r in rows)
        return torch.from_numpy(
            np.stack([np.pad(r[key], [(0, n - len(r[key]))] + [(0, 0)] * (r[key].ndim - 1)) for r in rows])
        )

    out = {k: pad(k) for k in ("ids", "frame_phoneme", "age", "advance", "codes", "kind")}
    out["valid"] = out["kind"] > 0
    out["ids_valid"] = torch.arange(out["ids"].shape[1])[None] < torch.tensor([len(r["ids"]) for r in rows])[:, None]
    out["prompt_frames"] = torch.tensor([r["prompt_frames"] for r in rows])
    return out


def random_batch(config, size=2, frames=24, prompt=8):
    """The same dict with random contents, for --smoke."""
    g, t = torch.Generator().manual_seed(1), frames
    kind = torch.where(torch.arange(t) < prompt, 1, 2).expand(size, -1)
    return dict(
        ids=torch.randint(1, config["symbols"], (size, t // 2), generator=g),
        ids_valid=torch.ones(size, t // 2, dtype=torch.bool),
        frame_phoneme=(torch.arange(t) // 2).expand(size, -1),
        age=(torch.arange(t) % 2).expand(size, -1),
        advance=(torch.arange(t) % 2).float().expand(size, -1),
        codes=torch.randint(0, config["codebook_size"], (size, t, config["codebooks"]), generator=g),
        kind=kind,
        valid=torch.ones(size, t, dtype=torch.bool),
        prompt_frames=torch.full((size,), prompt),
    )


def prompt_latents(batch, quantized):
    """The prompt frames alone, for the speaker encoder: quantized [B, T, L] -> [B, Tp, L], valid [B, Tp]"""
    n = int(batch["prompt_frames"].max())
    return quantized[:, :n], torch.arange(n, device=quantized.device)[None] < batch["prompt_frames"].to(
        quantized.device
    )[:, None]


def vary(codes, codebook, rate, near=8):
    """Replaces a share `rate` of codes [...] by one of the `near` closest other codewords of codebook [N, L]: what a
    sampling model gets slightly wrong."""
    distance = torch.cdist(codebook, codebook)
    order = distance.topk(near + 1, largest=False).indices[:, 1:]
    pick = order[codes, torch.randint(near, codes.shape, device=codes.device)]
    return torch.where(torch.rand(codes.shape, device=codes.device) < rate, pick, codes)
