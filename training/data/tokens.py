"""Reads the folders of tokenize_corpus.py and makes training sequences: a prompt of one clip, then the target clip of
the same speaker, and the voice, which is pooled over more of the speaker than the prompt."""

import bisect, itertools, json, random
from pathlib import Path
import numpy as np, torch
from data.align import BOUNDARY, SHORTEST_PAUSE, SILENT, SPACE

NOISY = 0.35  # share of noisy prompts, where there are any
HEARD = 0.2  # share of prompts whose phonemes are what the aligner hears, not what is written
WHOLE_VOICE = 0.5  # share of rows whose voice is more than their prompt
LONGEST_VOICE = 600  # frames
STEP = 32  # lengths are padded to its multiples: every new shape costs oneDNN time and memory
LONGEST_SOUND = 40  # frames; where one phoneme or pause lasts longer, words are missing from the transcript
LONGEST_PIECE, SHORTEST_PIECE = 320, 48  # frames of what long clips of people are cut into
PROMPTS = (((40, 80), 0.2), ((80, 200), 0.65), ((200, 320), 0.15))  # frames of a prompt, and how often
TEXTLESS = "common-voice"  # its phonemes are what the aligner hears in other languages: for the NAR model only


def cut(item, j):
    """An item cut within its phoneme j, a pause: half of the silence goes to either part."""
    d, ids = item["durations"], item["phonemes"]
    before, after, rest = int(d[:j].sum() + d[j] // 2), d[j] - d[j] // 2, j + 1
    if rest < len(ids) - 1 and ids[rest] == SPACE:
        after, rest = after + d[rest], rest + 1
    boundary = np.array([BOUNDARY])
    first = dict(phonemes=np.concatenate([ids[:j], boundary]), durations=np.concatenate([d[:j], [d[j] // 2]]))
    second = dict(phonemes=np.concatenate([boundary, ids[rest:]]), durations=np.concatenate([[after], d[rest:]]))
    place = dict(start=item["start"] + before, offset=item["offset"] + before, frames=item["frames"] - before)
    whole = {k: v for k, v in item.items() if not k.startswith("heard")}
    return whole | first | dict(frames=before), whole | second | place | dict(cut=False)


def pauses(item):
    """-> [(frame in the middle, index)] of the pauses where an item may be cut"""
    d, edges = item["durations"], np.cumsum(item["durations"])
    found = [j for j in range(1, len(d) - 1) if item["phonemes"][j] in SILENT and d[j] >= SHORTEST_PAUSE]
    return [(int(edges[j] - d[j] // 2), j) for j in found]


def halves(item):
    """A speaker's only clip cut at the pause nearest to its middle, so that one half can be the other's prompt; whole
    where there is none. What has no text may be cut anywhere."""
    places = pauses(item)
    if item["kind"] == TEXTLESS and not any(0.25 < at / item["frames"] < 0.75 for at, _ in places):
        edges = np.cumsum(item["durations"])
        places = [(int(edges[j]), j) for j in range(1, len(edges) - 1) if item["durations"][j] >= 2]
    cuts = [(abs(at / item["frames"] - 0.5), j) for at, j in places if 0.25 < at / item["frames"] < 0.75]
    if not cuts:
        return [item]
    first, second = cut(item, min(cuts)[1])
    return [first | dict(clip=item["clip"] + "/1"), second | dict(clip=item["clip"] + "/2")]


def pieces(item):
    """A long clip cut at pauses into pieces of at most LONGEST_PIECE frames, as far as it has pauses."""
    out, rng = [], random.Random(item["start"])
    while item["frames"] > LONGEST_PIECE:
        fits = [
            j for at, j in pauses(item) if SHORTEST_PIECE <= at <= min(LONGEST_PIECE, item["frames"] - SHORTEST_PIECE)
        ]
        if not fits:
            break
        first, item = cut(item, rng.choice(fits[-2:]))
        out.append(first)
    return [*out, item]


def read_part(folder, number):
    """-> items, codes [N, K] of one folder. Both may still be growing."""
    codes = np.fromfile(folder / "codes.i16", np.int16)
    codes = codes[: len(codes) // 8 * 8].reshape(-1, 8)
    items = []
    for line in (folder / "index.jsonl").read_text("utf8").splitlines():
        item = json.loads(line)
        for key in ("phonemes", "durations", "heard", "heard_durations"):
            if key in item:
                item[key] = np.array(item[key])
        if item["start"] + item["frames"] <= len(codes):
            items.append(item | dict(part=number, offset=0, clip=item["id"]))  # offset: frames of the clip before it
    return items, codes


class Tokens:
    """`shares`: how often each kind is a target; by hours if not given. `textless`: with what has no text."""

    def __init__(self, folder, longest=480, textless=False, shares=None):
        self.parts, items = [], []
        for n, index in enumerate(sorted(Path(folder).rglob("index.jsonl"))):
            found, codes = read_part(index.parent, n)
            items += [i for i in found if textless or i["kind"] != TEXTLESS]
            self.parts.append(codes)
        clips = {}
        for i in items:
            clips.setdefault(i["speaker"], set()).add(i["clip"])
        cut_up = lambda i: (
            [i] if i["kind"] == "synthetic" else halves(i) if len(clips[i["speaker"]]) == 1 else pieces(i)
        )
        self.items = [piece for i in items for piece in cut_up(i)]
        self.speakers = {}
        for item in self.items:
            self.speakers.setdefault(item["speaker"], []).append(item)
        fits = [i for i in self.items if 24 <= i["frames"] <= longest and self.is_target(i)]
        self.train = sorted((i for i in fits if not i["validation"]), key=lambda i: i["frames"])
        self.validation = sorted((i for i in fits if i["validation"] and self.others(i)), key=lambda i: i["frames"])
        self.groups = {
            validation: by_kind(self.validation if validation else self.train) for validation in (False, True)
        }
        hours = {k: sum(i["frames"] for i in v) for k, v in self.groups[False].items()}
        self.shares = {k: (shares or hours).get(k, 0) for k in hours}

    def is_target(self, item):
        if item["prompt_only"]:
            return False
        if item["kind"] == TEXTLESS:
            return bool(self.others(item))
        return not item.get("cut") and max(item["durations"][1:-1], default=0) <= LONGEST_SOUND

    def others(self, item):
        return [o for o in self.speakers[item["speaker"]] if o["clip"] != item["clip"]]

    def codes(self, item):
        return self.parts[item["part"]][item["start"] : item["start"] + item["frames"]]

    def prompt(self, item, rng):
        """-> (another clip of the same speaker, this one if there is no other, clean or noisy; clips of the voice or
        None)"""
        noisy = rng.random() < NOISY
        others = self.others(item)
        others = [o for o in others if o["prompt_only"] == noisy] or others or [item]
        source = rng.choice(others)
        if rng.random() >= WHOLE_VOICE:
            return source, None
        voice, frames = [source], source["frames"]
        for o in rng.sample(others, min(4, len(others))):
            if o is not source and frames + o["frames"] <= LONGEST_VOICE:
                voice.append(o)
                frames += o["frames"]
        return source, voice

    def batch(self, size, rng, validation=False, kind=""):
        """`collate` of random rows of similar length."""
        groups = {k: v for k, v in self.groups[validation].items() if kind in ("", k)}
        names = [k for k in groups if kind or self.shares.get(k, 0) > 0]
        weights = [1 if kind else self.shares[k] for k in names]
        centre = rng.choice(groups[rng.choices(names, weights)[0]])["frames"]
        items = []
        for name in rng.choices(names, weights, k=size):
            group = groups[name]
            at = min(bisect.bisect_left(group, centre, key=lambda i: i["frames"]), len(group) - 1)
            span = max(4, min(5 * size, len(group) // 20))
            items.append(rng.choice(group[max(0, at - span) : at + span]))
        return collate([self.row(item, rng) for item in items])

    def row(self, item, rng):
        """The sequence of one clip: a stretch of a prompt, then the clip."""
        source, voice = self.prompt(item, rng)
        heard = "heard" in source and rng.random() < HEARD
        names = ("heard", "heard_durations") if heard else ("phonemes", "durations")
        ids, durations = (source[name] for name in names)
        first, last = stretch(durations, rng)
        s, e = int(durations[:first].sum()), int(durations[:last].sum())
        ids = np.concatenate([ids[first:last], item["phonemes"]])
        durations = np.concatenate([durations[first:last], item["durations"]])
        prompt = self.codes(source)[s:e]
        return dict(
            ids=ids,
            frame_phoneme=np.repeat(np.arange(len(ids)), durations),
            age=np.concatenate([np.arange(d) for d in durations]),
            advance=np.concatenate([np.arange(d) == d - 1 for d in durations]).astype(np.float32),
            codes=np.concatenate([prompt, self.codes(item)]).astype(np.int64),
            kind=np.repeat([1, 2], [e - s, item["frames"]]),
            voice=(np.concatenate([self.codes(o) for o in voice]) if voice else prompt).astype(np.int64),
        )


class Stream(torch.utils.data.IterableDataset):
    """Batches without end from number `start` on, for a DataLoader whose workers make them beside a GPU. What is in a
    batch depends on its number and the seed alone."""

    def __init__(self, tokens, size, seed, start):
        self.tokens, self.size, self.seed, self.start = tokens, size, seed, start

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        first, every = (worker.id, worker.num_workers) if worker else (0, 1)
        for n in itertools.count(self.start + first, every):
            yield self.tokens.batch(self.size, random.Random(f"{self.seed}/{n}"))


def batches(tokens, size, seed, workers, start=0):
    """An endless iterator of `Tokens.batch` from number `start` on, made by `workers` other processes (0: this one)."""
    more = dict(prefetch_factor=4, persistent_workers=True) if workers else {}
    return iter(
        torch.utils.data.DataLoader(Stream(tokens, size, seed, start), batch_size=None, num_workers=workers, **more)
    )


def by_kind(items):
    groups = {}
    for item in items:
        groups.setdefault(item["kind"], []).append(item)
    return groups


def stretch(durations, rng):
    """Whole phonemes of a clip, of a random length: -> (first, last)"""
    low, high = rng.choices([p[0] for p in PROMPTS], [p[1] for p in PROMPTS])[0]
    edges = np.concatenate([[0], np.cumsum(durations)])
    want = rng.randint(low, high)
    if edges[-1] <= want:
        return 0, len(durations)
    first = int(np.searchsorted(edges, rng.randint(0, int(edges[-1]) - want), side="right")) - 1
    last = int(np.searchsorted(edges, edges[first] + want, side="right")) - 1
    return first, max(last, first + 1)


def collate(rows):
    """-> dict of padded tensors; frames of a row: prompt then target.
    ids, ids_valid [B, P]; frame_phoneme, age, kind (1 prompt, 2 target), advance, valid [B, T]; codes [B, T, K];
    voice [B, V, K], voice_valid [B, V]"""

    def pad(key):
        n = -(-max(len(r[key]) for r in rows) // STEP) * STEP
        return torch.from_numpy(
            np.stack([np.pad(r[key], [(0, n - len(r[key]))] + [(0, 0)] * (r[key].ndim - 1)) for r in rows])
        )

    out = {k: pad(k) for k in ("ids", "frame_phoneme", "age", "advance", "codes", "kind", "voice")}
    out["valid"] = out["kind"] > 0
    for key in ("ids", "voice"):
        lengths = torch.tensor([len(r[key]) for r in rows])
        out[key + "_valid"] = torch.arange(out[key].shape[1])[None] < lengths[:, None]
    return out


def random_batch(config, size=2, frames=24, prompt=8):
    """The same dict with random contents, for --smoke."""
    rng = np.random.default_rng(1)
    codes = lambda n: rng.integers(0, config["codebook_size"], (n, config["codebooks"]))
    at = np.arange(frames)
    row = lambda: dict(
        ids=rng.integers(1, config["symbols"], frames // 2),
        frame_phoneme=at // 2,
        age=at % 2,
        advance=(at % 2).astype(np.float32),
        codes=codes(frames),
        kind=np.where(at < prompt, 1, 2),
        voice=codes(prompt),
    )
    return collate([row() for _ in range(size)])


def vectors(codes, codebook):
    """codes [..., K] and codebook [K, N, L] -> their sum [..., L]"""
    return sum(codebook[k][codes[..., k]] for k in range(codes.shape[-1]))


def vary(codes, codebook, rate, near=8):
    """Replaces a share `rate` of codes [...] by one of the `near` closest other codewords of codebook [N, L]: what a
    sampling model gets slightly wrong."""
    distance = torch.cdist(codebook, codebook)
    order = distance.topk(near + 1, largest=False).indices[:, 1:]
    pick = order[codes, torch.randint(near, codes.shape, device=codes.device)]
    return torch.where(torch.rand(codes.shape, device=codes.device) < rate, pick, codes)
