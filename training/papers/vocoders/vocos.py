"""Vocos, arXiv:2306.00814. State dict and config: gemelo-ai/vocos (config.yaml of charactr/vocos-mel-24khz and
vocos-encodec-24khz)."""

import json, math, random
from pathlib import Path
import torch, torch.nn.functional as F
from torch import nn
from data.corpus import Level
from papers import losses
from mynah.codec import ConvNeXt, istft_same
from papers.discriminators import MultiBandDiscriminator, MultiPeriodDiscriminator
from data.mels import LogMel
from .recipe import Recipe as Defaults

ARCH, CHECKPOINT, CONFIG, NESTING = "vocos-mel", "pytorch_model.bin", "config.yaml", []


def preset(features, backbone, head):
    paths = dict(
        feature_extractor="vocos.feature_extractors."
        + ("EncodecFeatures" if "encodec_model" in features else "MelSpectrogramFeatures"),
        backbone="vocos.models.VocosBackbone",
        head="vocos.heads.ISTFTHead",
    )
    return {
        k: dict(class_path=path, init_args=args) for (k, path), args in zip(paths.items(), (features, backbone, head))
    }


def mel_preset(dim, wide, layers, n_mels=100, n_fft=1024, hop=256):
    features = dict(sample_rate=24000, n_fft=n_fft, hop_length=hop, n_mels=n_mels, padding="center")
    return preset(
        features,
        dict(input_channels=n_mels, dim=dim, intermediate_dim=wide, num_layers=layers),
        dict(dim=dim, n_fft=n_fft, hop_length=hop, padding="center"),
    )


ENCODEC = preset(
    dict(encodec_model="encodec_24khz", bandwidths=[1.5, 3.0, 6.0, 12.0], train_codebooks=False),
    dict(input_channels=128, dim=384, intermediate_dim=1152, num_layers=8, adanorm_num_embeddings=4),
    dict(dim=384, n_fft=1280, hop_length=320, padding="same"),
)
TINY_ENCODEC = preset(  # for the tiny preset of codecs/encodec.py
    dict(encodec_model="encodec_24khz", bandwidths=[1.5, 6]),
    dict(input_channels=8, dim=16, intermediate_dim=32, num_layers=2, adanorm_num_embeddings=2),
    dict(dim=16, n_fft=1280, hop_length=320, padding="same"),
)
# These say something of training, which published configs do not
FAST = dict(discriminator_channel_mult=1 / 32, segment_size=2048, learning_rate=5e-3)
LATENTS = preset(  # of a back-end of the embedded voice, as in hifi_gan.py
    dict(sample_rate=24000, n_fft=2400, hop_length=600, n_mels=64, padding="same"),
    dict(input_channels=64, dim=256, intermediate_dim=768, num_layers=4),  # eight would look ahead 0.75 s
    dict(dim=256, n_fft=2400, hop_length=600, padding="same"),
) | dict(discriminator_channel_mult=1 / 4, segment_size=9000)
PRESETS = {
    "mel-24khz": mel_preset(512, 1536, 8),
    "encodec-24khz": ENCODEC,
    "latents": LATENTS,
    "tiny": mel_preset(16, 32, 2, n_mels=20, n_fft=256, hop=64) | FAST,
    "tiny-encodec": TINY_ENCODEC | FAST,
}


def mel_of(config):
    f = config["feature_extractor"]["init_args"]
    if "encodec_model" in f:  # of the loss alone
        f = PRESETS["mel-24khz"]["feature_extractor"]["init_args"]
    return dict(
        rate=f["sample_rate"],
        n_fft=f["n_fft"],
        hop=f["hop_length"],
        n_mels=f["n_mels"],
        htk=True,
        floor=1e-7,
        center=f["padding"] == "center",
    )


class AdaLayerNorm(nn.Module):
    """Scale and shift of each condition (EnCodec's bandwidth)."""

    def __init__(self, conditions, dim):
        super().__init__()
        self.scale, self.shift = nn.Embedding(conditions, dim), nn.Embedding(conditions, dim)
        nn.init.ones_(self.scale.weight), nn.init.zeros_(self.shift.weight)

    def forward(self, x, condition):
        return nn.functional.layer_norm(x, x.shape[-1:], eps=1e-6) * self.scale(condition) + self.shift(condition)


class Backbone(nn.Module):
    def __init__(self, input_channels, dim, intermediate_dim, num_layers, adanorm_num_embeddings=None):
        super().__init__()
        norm = lambda: (
            AdaLayerNorm(adanorm_num_embeddings, dim) if adanorm_num_embeddings else nn.LayerNorm(dim, eps=1e-6)
        )
        self.embed = nn.Conv1d(input_channels, dim, 7, padding=3)
        self.norm = norm()
        self.convnext = nn.ModuleList(
            ConvNeXt(dim, 1 / num_layers, intermediate_dim, norm()) for _ in range(num_layers)
        )
        self.final_layer_norm = nn.LayerNorm(dim, eps=1e-6)
        for m in self.modules():
            if isinstance(m, (nn.Conv1d, nn.Linear)):
                nn.init.trunc_normal_(m.weight, std=0.02), nn.init.zeros_(m.bias)

    def forward(self, x, *condition):
        x = self.norm(self.embed(x).transpose(1, 2), *condition).transpose(1, 2)
        for block in self.convnext:
            x = block(x, *condition)
        return self.final_layer_norm(x.transpose(1, 2))


class Window(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.register_buffer("window", torch.hann_window(size))


class Features(nn.Module):
    """What the published checkpoints hold of the front-end: the mel filterbank, or EnCodec's codewords [codebooks *
    bins, D] one codebook after the other."""

    def __init__(self, config, codewords):
        super().__init__()
        if "encodec_model" in config["feature_extractor"]["init_args"]:
            dim = config["backbone"]["init_args"]["input_channels"]
            self.codebook_weights = nn.Parameter(
                torch.zeros(16 * 1024, dim) if codewords is None else codewords.clone(), requires_grad=False
            )
        else:
            mel = LogMel(**mel_of(config))
            self.mel_spec = nn.Module()
            self.mel_spec.spectrogram, self.mel_spec.mel_scale = Window(mel.n_fft), nn.Module()
            self.mel_spec.mel_scale.register_buffer("fb", mel.filters.T.contiguous())

    def forward(self, codes, bins=1024):
        """[B, K, T] -> [B, D, T]: the sum of the codewords"""
        return (
            self.codebook_weights[codes + bins * torch.arange(codes.shape[1], device=codes.device)[:, None]]
            .sum(1)
            .transpose(1, 2)
        )


class Generator(nn.Module):
    """log-mel or codewords [B, C, T], with EnCodec also the bandwidth's number [B] -> waveform [B, 1, S]; S = (T - 1) *
    hop where it is centred, else T * hop."""

    def __init__(self, config, codewords=None):
        super().__init__()
        head = config["head"]["init_args"]
        self.hop, self.n_fft, self.center = head["hop_length"], head["n_fft"], head["padding"] == "center"
        self.feature_extractor = Features(config, codewords)
        self.backbone = Backbone(**config["backbone"]["init_args"])
        self.head = nn.Module()
        self.head.out, self.head.istft = nn.Linear(head["dim"], self.n_fft + 2), Window(self.n_fft)

    def forward(self, features, bandwidth_id=None):
        condition = () if bandwidth_id is None else (bandwidth_id.view(-1, 1),)
        log_magnitude, phase = self.head.out(self.backbone(features, *condition)).transpose(1, 2).chunk(2, 1)
        magnitude = log_magnitude.exp().clamp(max=100.0)
        spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        window = self.head.istft.window
        return (
            torch.istft(spectrum, self.n_fft, self.hop, self.n_fft, window)
            if self.center
            else istft_same(spectrum, window, self.hop)
        )[:, None]


class Recipe(Defaults):
    """Hinge loss under period and band discriminators (these weigh a tenth), feature matching, 45 times the L1 of the
    mel; AdamW over a cosine of a million steps."""

    bands_weight = 0.1
    level = Level(-6, -1, decibels=True)  # peak of every clip
    condition = None  # number of the bandwidth of this batch [1]

    def __init__(self, config, codec=""):
        extractor = config["feature_extractor"]["init_args"]
        self.bandwidths = extractor.get("bandwidths")
        told = dict(conditions=len(self.bandwidths)) if self.bandwidths else {}
        width = config.get("discriminator_channel_mult", 1)
        discriminators = dict(
            multiperioddisc=MultiPeriodDiscriminator(width=width, from_layer=1, **told),
            multiresddisc=MultiBandDiscriminator(channels=int(32 * width), **told),
        )
        super().__init__(config, mel_of(config), config.get("segment_size", 16384), 16, discriminators)
        if self.bandwidths:
            if not codec:
                raise SystemExit("this preset listens to EnCodec: pass --codec RUN/export of train_encodec.py")
            self.arch, self.bands_weight = "vocos-encodec", 1.0
            self.read_codec(Path(codec))

    def read_codec(self, folder):
        from papers.codecs.encodec import Codec

        self.codec = Codec(json.loads((folder / "config.json").read_text("utf8"))).eval()
        self.codec.load_state_dict(torch.load(next(folder.glob("encodec_*.th")), map_location="cpu", weights_only=True))
        books = self.codec.quantizer.codebooks[: self.codec.levels(max(self.bandwidths))]
        self.codewords, self.about = (
            (torch.cat([book.embed for book in books]),),
            dict(codebook_size=self.codec.config["bins"]),
        )

    def features(self, wave):
        if not self.bandwidths:
            return super().features(wave)
        self.codec.to(wave.device)
        number = random.randrange(len(self.bandwidths))
        self.condition = torch.tensor([number], device=wave.device)
        self.codes = self.codec.encode(wave[:, None], self.bandwidths[number])
        return self.codec.quantizer.decode(self.codes), torch.full((len(wave),), number, device=wave.device)

    def parity(self, features, audio):
        if not self.bandwidths:
            return super().parity(features, audio)
        run, t = f"_bw{int(features[1])}", features[0].shape[2]
        return {"codes" + run: self.codes[:1, :, :t], "features" + run: features[0], "audio" + run: audio}

    def optimizers(self, generator):
        rate = self.config.get("learning_rate", 5e-4)
        return [
            torch.optim.AdamW([p for p in m.parameters() if p.requires_grad], rate, (0.8, 0.9))
            for m in (generator, self.discriminators)
        ]

    def decay(self, step, epoch, steps=1_000_000):
        return 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))

    def hear(self, x):
        return [heard for each in self.discriminators.values() for heard in each(x, self.condition)]

    def weighted(self, loss, *heard):
        """`loss` under the period discriminators, plus its share under the bands'"""
        n = len(self.discriminators["multiperioddisc"].discriminators)
        return loss(*(h[:n] for h in heard)) + self.bands_weight * loss(*(h[n:] for h in heard))

    def judge(self, real, fake):
        return self.weighted(losses.hinge_discriminator, real, fake)

    def fool(self, real, fake):
        matching = lambda real, fake: losses.summed_matching(real, fake) / len(real)
        adversarial = self.weighted(losses.hinge_generator, fake)
        return {"adversarial": adversarial, "matching": self.weighted(matching, real, fake)}

    def spectral(self, fake, real):
        return {"mel": 45 * F.l1_loss(self.loss_mel(fake), self.loss_mel(real))}
