"""The reference of Mynah's inference, in PyTorch: what packages/lm and packages/codec are tested against, and a quick
way to listen while training.

usage: python mynah/infer.py --codec RUN/last.pt --ar RUN/last.pt --nar RUN/last.pt --tokens TOKENS --cache CACHE --out
    DIR
    [--count 50] [--temperatures 0.35] …
Speaks sentences of held-out speakers with a prompt of another clip of theirs, and writes DIR/cases.jsonl for
tools/judge: input, codec, true first codebook + NAR, own AR.
"""

import argparse, json, random, sys
from pathlib import Path
import numpy as np, torch, torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from mynah import lm
from train import common
from mynah.lm import rotate


class ArDecoder:
    """Steps the AR model with a key-value cache; `ages`, `advance` as in lm.Ar.forward."""

    def __init__(self, model, encoding):
        self.m, self.encoding, self.cache, self.position = model, encoding, [None] * len(model.blocks), 0

    def step(self, phonemes, ages, previous, kinds):
        """Each [T] (previous [T, L]) -> logits and advance of the last frame"""
        m, t = self.m, len(phonemes)
        x = (
            self.encoding[:, phonemes]
            + m.from_code(previous)[None]
            + m.kind(kinds)[None]
            + m.age(ages.clamp(max=m.config["max_age"] - 1))[None]
        )
        at = torch.arange(self.position, self.position + t)
        for i, block in enumerate(m.blocks):
            d = x.shape[-1]
            q, k, v = block.qkv(block.norm1(x)).view(1, t, 3, block.heads, d // block.heads).permute(2, 0, 3, 1, 4)
            q, k = rotate(q, at), rotate(k, at)
            if self.cache[i] is not None:
                k, v = torch.cat([self.cache[i][0], k], 2), torch.cat([self.cache[i][1], v], 2)
            self.cache[i] = k, v
            mask = torch.ones(t, k.shape[2], dtype=torch.bool).tril(k.shape[2] - t)
            y = F.scaled_dot_product_attention(q, k, v, mask)
            x = x + block.out(y.transpose(1, 2).reshape(1, t, d))
            x = x + block.linear2(F.gelu(block.linear1(block.norm2(x))))
        self.position += t
        x = m.norm(x[:, -1])
        return m.scorer(m.to_vector(x))[0], m.to_advance(x)[0, 0]


def speak_ar(
    model, codebook, ids, prompt_durations, prompt_codes, temperature, top_k, generator, durations=None, speed=1.0
):
    """ids: prompt phonemes then target phonemes; -> first-codebook codes [T] and durations of the target phonemes."""
    n = len(prompt_durations)
    prompt = sum(codebook[k][prompt_codes[:, k]] for k in range(prompt_codes.shape[1]))
    encoding = model.encode(
        ids[None], torch.ones(1, len(ids), dtype=torch.bool), prompt[None], torch.ones(1, len(prompt), dtype=torch.bool)
    )
    decoder = ArDecoder(model, encoding)
    phonemes = torch.cat([torch.repeat_interleave(torch.arange(n), prompt_durations), torch.tensor([n])])
    ages = torch.cat([*[torch.arange(d) for d in prompt_durations.tolist()], torch.tensor([0])])
    previous = torch.cat([torch.zeros(1, prompt.shape[1]), prompt])
    kinds = torch.cat([torch.tensor([0]), torch.ones(len(prompt), dtype=torch.long)])
    p, age, survival, codes, lasted = n, 0, 1.0, [], []
    while True:
        logits, advance = decoder.step(phonemes, ages, previous, kinds)
        if temperature > 0:
            best = logits.topk(top_k)
            code = best.indices[torch.multinomial((best.values / temperature).softmax(-1), 1, generator=generator)]
        else:
            code = logits.argmax()[None]
        codes.append(int(code))
        age += 1
        survival *= 1 - torch.sigmoid(advance).item()
        done = age >= durations[p - n] if durations is not None else survival < 0.5 ** (1 / speed) or age >= 60
        if done:
            lasted.append(age)
            p, age, survival = p + 1, 0, 1.0
            if p == len(ids):
                return torch.tensor(codes), lasted
        phonemes, ages, previous, kinds = torch.tensor([p]), torch.tensor([age]), codebook[0][code], torch.tensor([2])


def speak_nar(model, codebook, ids, durations, prompt_codes, first):
    """-> latent [T, L] of the target frames"""
    prompt = sum(codebook[k][prompt_codes[:, k]] for k in range(prompt_codes.shape[1]))
    one = lambda n: torch.ones(1, n, dtype=torch.bool)
    encoding = model.encode(ids[None], one(len(ids)), prompt[None], one(len(prompt)))
    frame_phoneme = torch.repeat_interleave(torch.arange(len(ids)), durations)[None]
    known, n = torch.cat([prompt, codebook[0][first]])[None], len(prompt)
    is_prompt = torch.arange(known.shape[1])[None] < n
    return (known + model(encoding, frame_phoneme, known, known, is_prompt, one(known.shape[1])))[0, n:]


def main():
    import soundfile as sf
    from mynah.codec import SMALL, Codec
    from data.corpus import Corpus
    from data.tokens import Tokens

    a = argparse.ArgumentParser()
    for name in ("codec", "ar", "nar", "tokens", "cache", "out"):
        a.add_argument("--" + name, required=True)
    a.add_argument("--count", type=int, default=50)
    a.add_argument("--temperatures", type=float, nargs="*", default=[0.35])
    a.add_argument("--top-k", type=int, default=30)
    a.add_argument("--true-durations", action="store_true")
    a = a.parse_args()
    torch.set_num_threads(1)
    load = common.weights
    codec = Codec(SMALL).eval()
    codec.load_state_dict(load(a.codec), strict=False)
    codebook = codec.rvq.codebook
    ar, nar = lm.Ar(lm.SMALL, codebook).eval(), lm.Nar(lm.SMALL).eval()
    ar.load_state_dict(load(a.ar), strict=False), nar.load_state_dict(load(a.nar), strict=False)
    tokens, cache, out, rng = Tokens(a.tokens), Corpus(a.cache), Path(a.out), random.Random(3)
    audio = {i["id"]: i for i in cache.items}
    out.mkdir(parents=True, exist_ok=True)
    pool = [i for i in tokens.validation if i["kind"] == "synthetic" and i["frames"] > 60]
    cases = []
    with torch.no_grad():
        for item in rng.sample(pool, min(a.count, len(pool))):
            others = [o for o in tokens.speakers[item["speaker"]] if o["id"] != item["id"] and 80 <= o["frames"] <= 280]
            if not others:
                continue
            source = rng.choice(others)
            prompt_codes = torch.from_numpy(tokens.codes(source).astype(np.int64))
            codes = torch.from_numpy(tokens.codes(item).astype(np.int64))
            ids = torch.from_numpy(np.concatenate([source["phonemes"], item["phonemes"]]))
            prompt_durations, durations = torch.from_numpy(source["durations"]), torch.from_numpy(item["durations"])
            name, text = item["id"], audio[item["id"]]["text"]

            def write(group, wave):
                path = out / f"{name}.{group}.wav"
                sf.write(path, np.asarray(wave), 24000)
                cases.append(dict(wav=str(path), text=text, prompt=str(out / f"{name}.prompt.wav"), group=group))

            decode = lambda z: codec.decode(z.T[None])[0].numpy()
            sf.write(out / f"{name}.prompt.wav", cache.audio(audio[source["id"]]), 24000)
            write("input", cache.audio(audio[item["id"]]))
            write("codec", decode(sum(codebook[k][codes[:, k]] for k in range(8))))
            write("codec-1", decode(codebook[0][codes[:, 0]]))
            both = torch.cat([prompt_durations, durations])
            write("true-first", decode(speak_nar(nar, codebook, ids, both, prompt_codes, codes[:, 0])))
            for temperature in a.temperatures:
                generator = torch.Generator().manual_seed(7)
                first, lasted = speak_ar(
                    ar,
                    codebook,
                    ids,
                    prompt_durations,
                    prompt_codes,
                    temperature,
                    a.top_k,
                    generator,
                    durations.tolist() if a.true_durations else None,
                )
                write(
                    f"ar-{temperature}",
                    decode(
                        speak_nar(
                            nar, codebook, ids, torch.cat([prompt_durations, torch.tensor(lasted)]), prompt_codes, first
                        )
                    ),
                )
    (out / "cases.jsonl").write_text("".join(json.dumps(c) + "\n" for c in cases))


if __name__ == "__main__":
    main()
