"""The parts of a bundle: which tensors belong to each, and its config. The one place that knows how a size that Python
calls `encoder_dim` is spelled in the manifest, `encoderDim`."""

from mynah.codec import ENCODER

PARTS = ("codec", "vocoder", "ar", "nar", "aligner", "scorer")
NOT_SHIPPED = ("rvq.ema_sum", "rvq.ema_count", "rvq.ready", "scorer.codebook")  # training state, a copy of the codebook
SIZES = dict(
    codec=("n_input", "encoder_dim", "encoder_layers", "latent_dim", "codebooks", "codebook_size", "hop"),
    vocoder=("latent_dim", "decoder_dim", "decoder_layers", "upsampled_dim", "upsampled_layers", "n_fft", "hop"),
    ar=("symbols", "dim", "heads", "encoder_layers", "ar_layers", "latent_dim", "codebook_size", "max_age"),
    nar=("symbols", "dim", "heads", "encoder_layers", "nar_layers", "latent_dim", "window"),
    aligner=("dim", "layers", "symbols", "n_input"),
    scorer=("dim", "layers", "symbols", "n_input", "clear"),
)
RENAMED = dict(hop="hopLength", ar_layers="layers", nar_layers="layers")


def manifest_config(part, sizes):
    """The config of a part as bundle.json spells it; sizes: a config of mynah/codec.py or mynah/lm.py."""
    camel = lambda name: name.split("_")[0] + "".join(word.title() for word in name.split("_")[1:])
    return {RENAMED.get(name) or camel(name): sizes[name] for name in SIZES[part]}


def tensors_of(part, state):
    """What of a state dict a part ships: of the codec's one half or the other."""
    mine = dict(codec=lambda k: k.startswith(ENCODER), vocoder=lambda k: not k.startswith(ENCODER))
    chosen = mine.get(part, lambda k: True)
    return {k: v for k, v in state.items() if k not in NOT_SHIPPED and chosen(k)}
