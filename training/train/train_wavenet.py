"""Trains WaveNet, the baseline of the vocoders, on the cache of corpus.py: the likelihood of each next sample.

usage: python train/train_wavenet.py --preset small --cache CACHE --run RUN
RUN/export holds weights and config, which `loadVocoder` reads, and a parity case.
"""

import sys
from pathlib import Path
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/, wherever this is run from
from data import corpus
from data.mels import LogMel
from export.cases import write_case
from papers.vocoders import wavenet
from train import common


def main():
    a = common.arguments(__doc__, preset="", config="", batch=0)
    config = common.config_of(a, wavenet.PRESETS)
    generator, front_end = wavenet.Generator(config).to(a.device), LogMel(**wavenet.mel_of(config)).to(a.device)
    optimizer = torch.optim.Adam(generator.parameters(), config["learning_rate"])
    run = common.Run(a, [generator], [optimizer])
    size, count = config["segment_size"], a.batch or config["batch_size"]
    level = corpus.Level(0.95)
    draw = corpus.Noise(size) if a.smoke else corpus.Segments(a.cache, config["sampling_rate"], size, level)
    batch = lambda: common.waves(draw, count, a.device)
    while run.going():
        run.schedule(warmup=100)
        wave = batch()
        with torch.no_grad():
            mel = front_end(wave)
        loss = wavenet.negative_log_likelihood(generator, mel, wave)
        common.descend(loss, optimizer, generator, 1.0)
        run.log({"nll": loss.detach()})
    run.finish()
    generator.eval()
    checkpoint = (wavenet.CHECKPOINT.format(step=run.step), wavenet.NESTING)
    io = wavenet.parity(generator, front_end, batch()[:1, : 20 * generator.hop])
    write_case(Path(a.run) / "export", wavenet.ARCH, checkpoint, generator.state_dict(), (wavenet.CONFIG, config), io)


if __name__ == "__main__":
    main()
