"""Compares codecs on recordings of held-out speakers by what the judge measures: words that its recognizer hears
otherwise than in the recording, likeness to the recording, DNSMOS P808.

usage: python eval/compare_codecs.py --cache CACHE [--kind librispeech] [--count 16] CODEC …
CODEC is RUN/last.pt (its average), exported safetensors joined by a comma, or several joined by + (the mean of their
weights), as for export.py.
needs: pip install moonshine-voice==0.0.65 num2words jiwer speechmos soxr and, without its dependencies, resemblyzer
"""

import argparse, sys
from pathlib import Path
import jiwer, numpy as np, soxr, torch
from resemblyzer import VoiceEncoder, preprocess_wav
from speechmos import dnsmos

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import corpus
from train import common
from mynah.codec import SMALL, Codec
from eval.listening import hear, words


def at_16k(wave):
    return soxr.resample(wave, corpus.RATE, 16000).astype(np.float32)


def quality(wave):
    x = at_16k(wave)
    return dnsmos.run(x / max(1e-6, np.abs(x).max()) * 0.7, sr=16000)["p808_mos"]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("codecs", nargs="*")
    a.add_argument("--cache", required=True)
    a.add_argument("--kind", default="librispeech", help="librispeech or synthetic")
    a.add_argument("--count", type=int, default=16)
    a.add_argument("--threads", type=int, default=1)
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    encoder, data = VoiceEncoder("cpu", verbose=False), corpus.Corpus(a.cache)
    clips = [i for i in data.items if i["kind"] == a.kind and i["validation"] and i["samples"] > 3 * corpus.RATE]
    clips = [clips[n] for n in np.linspace(0, len(clips) - 1, min(a.count, len(clips))).astype(int)]
    waves = [data.audio(i)[: 12 * corpus.RATE] for i in clips]
    references = [
        " ".join(words(i["text"] if a.kind == "synthetic" else hear(w, corpus.RATE))) for i, w in zip(clips, waves)
    ]

    def voice(wave):
        return encoder.embed_utterance(preprocess_wav(at_16k(wave), source_sr=16000))

    voices = [voice(w) for w in waves]

    def row(name, spoken):
        r = jiwer.process_words(references, [" ".join(words(hear(w, corpus.RATE))) or "nothing" for w in spoken])
        alike = np.mean([voice(w) @ v for w, v in zip(spoken, voices)])
        print(
            f"| {name} | {100 * r.wer:.1f} ({r.substitutions} {r.deletions} {r.insertions}) "
            f"| {alike:.3f} | {np.mean([quality(w) for w in spoken]):.2f} |",
            flush=True,
        )

    print(
        f"{len(clips)} clips, {a.kind}\n\n"
        "| codec | words heard otherwise, % (S D I) | similarity | P808 |\n|---|---|---|---|"
    )
    row("recordings", waves)
    for path in a.codecs:
        codec = Codec(SMALL).eval()
        codec.load_state_dict(common.mean_weights(path), strict=False)
        with torch.no_grad():
            spoken = [
                codec.decode(
                    codec.rvq.decode(
                        codec.rvq.encode(
                            codec.encode(
                                corpus.log_mel(torch.from_numpy(w[: len(w) // corpus.FRAME * corpus.FRAME])[None])
                            )
                        )
                    )
                )[0].numpy()
                for w in waves
            ]
        row(path, spoken)


if __name__ == "__main__":
    main()
