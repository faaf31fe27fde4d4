"""Trains VALL-E or VALL-E X on the codes of an EnCodec of train_encodec.py: AR and one random NAR stage in every step.

usage: python train/train_valle.py --preset vall-e-small --cache CACHE --codec RUNS/encodec/export --run RUN
RUN/export holds the model with the published names, which `loadVallE` reads, and a parity case. Text ids are 3 + the
number of the phoneme in phonemes.json, between 1 and 2.
"""

import json, random, sys
from pathlib import Path
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import corpus
from train import common
from export.cases import write_case
from papers.codecs.encodec import Codec
from papers.valle import CODES, PRESETS, VallE


RATES = {"tiny": 5e-3, "tiny-x": 5e-3}  # where --rate says nothing


def main():
    a = common.arguments(__doc__, preset="", codec="", batch=8, rate=0.0, warmup=2000, longest=1500)
    preset = a.preset or ("tiny" if a.smoke else "vall-e")
    config = PRESETS[preset]
    model = VallE(config).to(a.device)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], a.rate or RATES.get(preset, 5e-4), (0.9, 0.98)
    )
    run = common.Run(a, [model], [optimizer])

    def tokenize():
        """-> (text ids [S], codes [T, K]) of every clip with phonemes, sorted by length; kept in the run folder"""
        path = run.folder / "tokens.pt"
        if not path.exists():
            folder = Path(a.codec)
            codec = Codec(json.loads((folder / "config.json").read_text("utf8"))).to(a.device).eval()
            codec.load_state_dict(
                torch.load(next(folder.glob("encodec_*.th")), map_location=a.device, weights_only=True)
            )
            data, clips = corpus.Corpus(a.cache), []
            with torch.no_grad():
                for item in (i for i in data.items if "phonemes" in i and not i["validation"]):
                    wave = torch.from_numpy(data.audio(item))[None, None].to(a.device)
                    codes = codec.quantizer.encode(codec.encoder(wave), config["num_quantizers"])[0].T.short().cpu()
                    if len(codes) <= a.longest:
                        clips.append((torch.tensor([1, *(3 + i for i in item["phonemes"]), 2]), codes))
            if not clips:
                raise SystemExit(f"{a.cache}: has no clip with phonemes of at most {a.longest} frames to train on")
            torch.save(sorted(clips, key=lambda clip: len(clip[1])), path)
        return torch.load(path, weights_only=True)

    def random_clips():
        lengths = [random.randint(10, 16) for _ in range(8)]
        return [
            (torch.randint(3, 50, (n // 2,)), torch.randint(0, CODES, (n, config["num_quantizers"])).short())
            for n in lengths
        ]

    clips = random_clips() if a.smoke else tokenize()
    pad = lambda x: nn.utils.rnn.pad_sequence(x, batch_first=True).long().to(a.device)
    while run.going():
        run.schedule(warmup=a.warmup)
        start = random.randrange(max(1, len(clips) - a.batch + 1))
        ids, codes = zip(*clips[start : start + a.batch])  # neighbours in length
        id_lengths, lengths = (torch.tensor([len(x) for x in each], device=a.device) for each in (ids, codes))
        shortest = int(lengths.min())
        prefix = min(
            225, random.randint(shortest // 4, shortest // 2)
        )  # the acoustic prompt that the NAR model is given whole
        with common.autocast(a):
            ar, nar = model.losses(
                pad(ids), id_lengths, pad(codes), lengths, random.randrange(config["num_quantizers"] - 1), prefix
            )
        common.descend(ar + nar, optimizer, model, 1.0)
        run.log({"ar": ar.detach(), "nar": nar.detach()})
    run.finish()

    def export(folder):
        model.eval()
        ids, codes = clips[0]
        ids, prompt = ids[None, :8].to(a.device), codes[None, :6].long().to(a.device)
        made, ar, nar = model.speak(ids, prompt, 6)
        io = dict(
            text_tokens=ids,
            enroll_len=torch.tensor([3]),
            prompt_tokens=prompt,
            codes=made,
            ar_logits_first6=ar,
            nar_logits_first3=nar,
        )
        x = bool(config["languages"])
        beside = {} if x else config | dict(decoder_dim=config["d_model"], num_decoder_layers=config["num_layers"])
        if x:
            io["text_language_ids"] = torch.zeros_like(ids[0])
        values = config | dict(text_tokens=["<pad>", "<bos>", "<eos>", *corpus.SYMBOLS])
        write_case(
            folder,
            "valle-x" if x else "valle-lifeiteng",
            ("vallex-checkpoint.pt" if x else "best-valid-loss.pt", ["model"]),
            model.state_dict(),
            ("config.json", values),
            io,
            beside=beside,
        )

    export(Path(a.run) / "export")


if __name__ == "__main__":
    main()
