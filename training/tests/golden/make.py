"""Writes discriminators.safetensors and losses.safetensors: what the published code makes of weights and waveforms that
fill.py defines. usage: python tests/golden/make.py SOURCES

SOURCES holds checkouts, by the names and commits of README.md; torchaudio, nnAudio, PyWavelets and einops must be
there.
"""

import importlib, sys, types
from contextlib import contextmanager
from pathlib import Path
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parent))
from fill import fill, names, numbers, sample, summary, wave

HERE, SOURCES = Path(__file__).parent, Path(sys.argv[1])
FOUND, NAMES, LOSSES = {}, {}, {}
stft = torch.stft


def old_stft(*args, return_complex=None, **options):
    """torch.stft as it was before complex tensors, which some of the published code still expects"""
    y = stft(*args, return_complex=True, **options)
    return y if return_complex else torch.view_as_real(y)


torch.stft = old_stft


@contextmanager
def published(repository):
    """Imports from one checkout alone: several have modules of the same name."""
    path, before = str(SOURCES / repository), set(sys.modules)
    sys.path.insert(0, path)
    yield importlib.import_module
    sys.path.remove(path)
    for name in set(sys.modules) - before:
        where = getattr(sys.modules[name], "__file__", None) or next(
            iter(getattr(sys.modules[name], "__path__", [])), ""
        )
        if str(where).startswith(path):
            del sys.modules[name]


class Options(dict):
    """A config that is read by key and by attribute"""

    def __getattr__(self, name):
        if name not in self:
            raise AttributeError(name)
        return self[name]


def case(name, module, run, shape):
    """run(module, x) -> (score, features) pairs"""
    x = wave(name, *shape).requires_grad_()
    fill(module)
    for key, value in summary(run(module, x), x, module).items():
        FOUND[f"{name}/{key}"] = value.contiguous()
    print(name, flush=True)


def paired(scores, features):
    return list(zip(scores, features))


def doubled(module, x, **options):
    """A multi-discriminator that takes real and fake -> what it makes of the real one"""
    scores, _, features, _ = module(x, x, **options)
    return paired(scores, features)


def loss(name, value, x):
    LOSSES[name] = value.detach().reshape(1)
    LOSSES[name + "/gradient"] = sample(torch.autograd.grad(value, x)[0])
    print(name, float(value.detach()), flush=True)


def adversarial(name, official, y, y_hat):
    """official(y, y_hat) -> discriminator's, generator's and matching loss as the training code weighs them"""
    for what, value in official(y, y_hat).items():
        LOSSES[f"{name}/{what}"] = value.detach().reshape(1).float()


def hifi_gan():
    with published("hifi-gan") as module:
        models = module("models")
        case("hifi-gan/period", models.DiscriminatorP(3), lambda m, x: [m(x)], (2, 1, 2000))
        case("hifi-gan/scales", models.MultiScaleDiscriminator(), doubled, (1, 1, 2000))
        NAMES["hifi-gan"] = names(models.MultiPeriodDiscriminator())
        msd = fill(models.MultiScaleDiscriminator())

        def official(y, y_hat):
            real, fake, fr, fg = msd(y, y_hat)
            return dict(
                discriminator=models.discriminator_loss(real, fake)[0],
                generator=models.generator_loss(fake)[0],
                matching=models.feature_loss(fr, fg),
            )

        adversarial("hifi-gan", official, wave("real", 1, 1, 2000), wave("fake", 1, 1, 2000) * 0.7)


def fre_gan():
    with published("Fre-GAN-pytorch") as module:
        d = module("discriminator")
        case("fre-gan/period", d.DiscriminatorP(2), lambda m, x: [m(x)], (1, 1, 2002))
        case("fre-gan/scales", d.ResWiseMultiScaleDiscriminator(), doubled, (1, 1, 2001))
        NAMES["fre-gan"] = names(d.ResWiseMultiPeriodDiscriminator())


def univnet():
    with published("univnet") as module:
        config = Options(
            mpd=Options(lReLU_slope=0.2, kernel_size=5, stride=3, use_spectral_norm=False, periods=[2, 3, 5, 7, 11]),
            mrd=Options(use_spectral_norm=False, resolutions="[(1024, 120, 600), (2048, 240, 1200), (512, 50, 240)]"),
        )
        mrd, mpd = module("model.mrd"), module("model.mpd")
        turned = lambda pairs: [(score, features) for features, score in pairs]
        case("univnet/MRD", mrd.MultiResolutionDiscriminator(config), lambda m, x: turned(m(x)), (2, 1, 4000))
        case("univnet/period", mpd.DiscriminatorP(config, 5), lambda m, x: turned([m(x)]), (1, 1, 2000))
        x = wave("fake", 2, 6000).requires_grad_()
        criterion = module("utils.stft_loss").MultiResolutionSTFTLoss("cpu", eval(config.mrd.resolutions))
        loss("univnet/stft", sum(criterion(x, wave("real", 2, 6000))), x)


def bigvgan():
    with published("BigVGAN") as module:
        d = module("discriminators")

        resolutions = [[1024, 120, 600], [2048, 240, 1200], [512, 50, 240]]
        base = dict(use_spectral_norm=False, resolutions=resolutions, mpd_reshapes=[2, 3, 5, 7, 11])
        small = Options(base, discriminator_channel_mult=1 / 16)
        case("bigvgan/mpd", d.MultiPeriodDiscriminator(small), doubled, (1, 1, 2000))
        case("bigvgan/mrd", d.MultiResolutionDiscriminator(small), doubled, (1, 1, 4000))
        cqtd = dict(cqtd_filters=4, cqtd_hop_lengths=[512, 256, 256], cqtd_n_octaves=[9, 8, 7])
        config = Options(cqtd, sampling_rate=24000, cqtd_bins_per_octaves=[24, 12, 36])
        case("bigvgan/cqtd", d.MultiScaleSubbandCQTDiscriminator(config), doubled, (1, 1, 8192))
        config = Options(cqtd, sampling_rate=44100, cqtd_bins_per_octaves=[12, 12, 24], cqtd_normalize_volume=True)
        case("bigvgan/cqtd-44k", d.MultiScaleSubbandCQTDiscriminator(config), doubled, (1, 1, 8192))
        x = wave("fake", 2, 1, 6000).requires_grad_()
        loss("bigvgan/mel", module("loss").MultiScaleMelSpectrogramLoss(24000)(wave("real", 2, 1, 6000), x), x)


def vocos():
    with published("vocos") as module:
        sys.modules.setdefault("pytorch_lightning", types.ModuleType("pytorch_lightning"))
        package = types.ModuleType("vocos")
        package.__path__ = [str(SOURCES / "vocos/vocos")]
        sys.modules["vocos"] = package  # without its __init__, which asks for transformers
        d, l = module("vocos.discriminators"), module("vocos.loss")
        told = dict(bandwidth_id=torch.tensor([2]))
        case("vocos/bands", d.MultiResolutionDiscriminator(), lambda m, x: doubled(m, x), (2, 3000))
        bands = lambda m, x: doubled(m, x, **told)
        case("vocos/told-bands", d.MultiResolutionDiscriminator(num_embeddings=4), bands, (1, 3000))
        case("vocos/period", d.DiscriminatorP(5), lambda m, x: [m(x)], (1, 2000))
        period = lambda m, x: [m(x, told["bandwidth_id"])]
        case("vocos/told-period", d.DiscriminatorP(5, num_embeddings=4), period, (1, 2000))
        NAMES["vocos"] = names(d.MultiPeriodDiscriminator(num_embeddings=4))
        mrd = fill(d.MultiResolutionDiscriminator())

        def official(y, y_hat):
            real, fake, fr, fg = mrd(y, y_hat)
            (told, each, _), (fooled, _) = l.DiscriminatorLoss()(real, fake), l.GeneratorLoss()(fake)
            matching = l.FeatureMatchingLoss()(fr, fg) / len(fr)
            return dict(discriminator=told / len(each), generator=fooled / len(each), matching=matching)

        adversarial("vocos", official, wave("real", 1, 3000), wave("fake", 1, 3000) * 0.7)
        x = wave("fake", 2, 6000).requires_grad_()
        loss("vocos/mel", l.MelSpecReconstructionLoss()(x, wave("real", 2, 6000)), x)


def encodec():
    with published("encodec") as module:
        d = module("encodec.msstftd").MultiScaleSTFTDiscriminator
        run = lambda m, x: paired(*m(x))
        case("encodec/24khz", d(filters=4), run, (2, 1, 5000))
        five = [1024, 2048, 512, 256, 128]
        sizes = dict(n_ffts=five, hop_lengths=[n // 4 for n in five], win_lengths=five)
        case("encodec/48khz", d(filters=3, in_channels=2, **sizes), run, (1, 2, 5000))
        balancer = module("encodec.balancer").Balancer(dict(a=1, b=4, c=2.0))
        for step in range(3):
            x = wave("fake", 2, 500).requires_grad_()
            terms = dict(
                a=x.abs().mean(), b=(x - wave("real", 2, 500)).square().mean(), c=(x * (step + 1)).tanh().sum()
            )
            balancer.backward(terms, x)
            LOSSES[f"encodec/balanced{step}"] = sample(x.grad)


def audiocraft():
    with published("encodec") as module:
        pad = module("encodec.modules.conv").pad_for_conv1d
    for name in ("audiocraft", "audiocraft.losses"):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(SOURCES / "audiocraft" / name.replace(".", "/"))]
    sys.modules["audiocraft.modules"] = types.ModuleType("audiocraft.modules")
    sys.modules["audiocraft.modules"].pad_for_conv1d = pad
    l = importlib.import_module("audiocraft.losses.specloss")
    for name, rate, first, end in (("paper", 24000, 5, 12), ("default", 24000, 6, 11), ("48khz", 48000, 5, 12)):
        mel = l.MultiScaleMelSpectrogramLoss(rate, first, end, 64, 64, None, True, False)
        x = wave("fake", 2, 1, 6001).requires_grad_()
        loss(f"encodec/mel-{name}", mel(x, wave("real", 2, 1, 6001)), x)


def melgan():
    with published("melgan-neurips") as module:
        turned = lambda m, x: [(heard[-1], heard[:-1]) for heard in m(x)]
        discriminator = module("mel2wav.modules").Discriminator(3, 16, 4, 4)
        case("melgan/netD", discriminator, turned, (1, 1, 4096))

        def official(y, y_hat):  # as in scripts/train.py
            real, fake = discriminator(y), discriminator(y_hat)
            told = sum((1 + s[-1]).relu().mean() for s in fake) + sum((1 - s[-1]).relu().mean() for s in real)
            pairs = [pair for r, f in zip(real, fake) for pair in zip(r[:-1], f[:-1])]
            matching = sum((a - b).abs().mean() for a, b in pairs) / 3 * 4 / 5 * 10
            return dict(discriminator=told, generator=-sum(s[-1].mean() for s in fake), matching=matching)

        adversarial("melgan", official, wave("real", 1, 1, 4096), wave("fake", 1, 1, 4096) * 0.7)


def parallel_wavegan():
    import scipy.signal

    scipy.signal.kaiser = scipy.signal.windows.kaiser  # it has moved since
    with published("ParallelWaveGAN") as module:
        for name in ("parallel_wavegan", "parallel_wavegan.models", "parallel_wavegan.losses"):
            sys.modules[name] = types.ModuleType(name)
            sys.modules[name].__path__ = [str(SOURCES / "ParallelWaveGAN" / name.replace(".", "/"))]
        sys.modules["parallel_wavegan.utils"] = types.ModuleType("parallel_wavegan.utils")
        sys.modules["parallel_wavegan.utils"].read_hdf5 = None
        d = module("parallel_wavegan.models.parallel_wavegan").ParallelWaveGANDiscriminator
        case("parallel-wavegan/plain", d(conv_channels=8), lambda m, x: [(m(x), [])], (2, 1, 1000))
        double = d(conv_channels=8, layers=6, dilation_factor=2)
        case("parallel-wavegan/doubling", double, lambda m, x: [(m(x), [])], (1, 1, 1000))
        x = wave("fake", 2, 6000).requires_grad_()
        criterion = module("parallel_wavegan.losses.stft_loss").MultiResolutionSTFTLoss()
        loss("parallel-wavegan/stft", sum(criterion(x, wave("real", 2, 6000))), x)


def soundstream():
    """There is no official code: the formula of the paper over torchaudio's mels, as mean over frames."""
    import torchaudio

    x, y, total = wave("fake", 2, 6000).requires_grad_(), wave("real", 2, 6000), 0.0
    for size in (64, 128, 256, 512, 1024, 2048):
        options = dict(n_fft=size, hop_length=size // 4, n_mels=64, normalized=True, center=False)
        mel = torchaudio.transforms.MelSpectrogram(24000, **options)
        pad = (size - size // 4) // 2

        def frames(v):
            v = torch.nn.functional.pad(v[:, None], (pad, pad), "reflect")[:, 0]
            return mel(torch.nn.functional.pad(v, (0, -(v.shape[-1] - size) % (size // 4))))

        a, b = frames(x), frames(y)
        l2 = torch.linalg.vector_norm((a + 1e-5).log() - (b + 1e-5).log(), dim=1).mean()
        total = total + (a - b).abs().sum(1).mean() + (size / 2) ** 0.5 * l2
    loss("soundstream/mel", total, x)


def main():
    recipes = (hifi_gan, fre_gan, univnet, bigvgan, vocos, encodec, melgan, parallel_wavegan, audiocraft, soundstream)
    for recipe in recipes:
        recipe()
    save_file(FOUND, HERE / "discriminators.safetensors", NAMES)
    save_file(LOSSES, HERE / "losses.safetensors")


if __name__ == "__main__":
    main()
