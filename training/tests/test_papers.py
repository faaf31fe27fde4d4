"""Discriminators and losses of the papers against what the published code made of the same weights (golden/make.py)."""

from pathlib import Path
from types import SimpleNamespace
import pytest, torch
from safetensors import safe_open
from safetensors.torch import load_file
from golden.fill import fill, names, sample, summary, wave
from papers import discriminators as d, losses
from papers.codecs import encodec
from papers.discriminators.constant_q import SubBandDiscriminator
from papers.discriminators.spectral import BandDiscriminator
from papers.discriminators.waveform import PeriodDiscriminator
from papers.vocoders import bigvgan, fre_gan, hifi_gan, melgan, parallel_wavegan, univnet, vocos

GOLDEN = Path(__file__).parent / "golden"
FOUND, LOSSES = load_file(GOLDEN / "discriminators.safetensors"), load_file(GOLDEN / "losses.safetensors")
TOLERANCE = 1e-4
TOLD, UNIVNET = torch.tensor([2]), dict(channels=(64, 128, 256, 512, 1024), slope=0.2)
single = lambda m, x: [m(x)]
plain = lambda m, x: m(x[:, 0])
told = lambda m, x: m(x, TOLD)
FIVE = (1024, 2048, 512, 256, 128)
CASES = {  # name: (ours, how it is run, shape of the waveform)
    "hifi-gan/period": (lambda: PeriodDiscriminator(3), single, (2, 1, 2000)),
    "hifi-gan/scales": (lambda: d.MultiScaleDiscriminator(), plain, (1, 1, 2000)),
    "fre-gan/period": (lambda: PeriodDiscriminator(2, wavelets=True), single, (1, 1, 2002)),
    "fre-gan/scales": (lambda: d.MultiScaleDiscriminator(wavelets=True), plain, (1, 1, 2001)),
    "univnet/MRD": (lambda: d.MultiResolutionDiscriminator(), plain, (2, 1, 4000)),
    "univnet/period": (lambda: PeriodDiscriminator(5, **UNIVNET), single, (1, 1, 2000)),
    "bigvgan/mpd": (lambda: d.MultiPeriodDiscriminator(width=1 / 16), plain, (1, 1, 2000)),
    "bigvgan/mrd": (lambda: d.MultiResolutionDiscriminator(channels=2, slope=0.1), plain, (1, 1, 4000)),
    "bigvgan/cqtd": (
        lambda: d.MultiScaleSubBandDiscriminator(24000, octaves=(9, 8, 7), bins=(24, 12, 36), channels=4),
        plain,
        (1, 1, 8192),
    ),
    "bigvgan/cqtd-44k": (
        lambda: d.MultiScaleSubBandDiscriminator(44100, (512, 256, 256), (9, 8, 7), (12, 12, 24), 4, level=True),
        plain,
        (1, 1, 8192),
    ),
    "vocos/bands": (lambda: d.MultiBandDiscriminator(), lambda m, x: m(x), (2, 3000)),
    "vocos/told-bands": (lambda: d.MultiBandDiscriminator(conditions=4), told, (1, 3000)),
    "vocos/period": (lambda: PeriodDiscriminator(5, from_layer=1), lambda m, x: [m(x[:, None])], (1, 2000)),
    "vocos/told-period": (
        lambda: PeriodDiscriminator(5, from_layer=1, conditions=4),
        lambda m, x: [m(x[:, None], TOLD)],
        (1, 2000),
    ),
    "encodec/24khz": (lambda: d.MultiScaleStftDiscriminator((1024, 2048, 512), 4), lambda m, x: m(x), (2, 1, 5000)),
    "encodec/48khz": (lambda: d.MultiScaleStftDiscriminator(FIVE, 3, 2), lambda m, x: m(x), (1, 2, 5000)),
    "melgan/netD": (lambda: d.MelganDiscriminator(), plain, (1, 1, 4096)),
    "parallel-wavegan/plain": (lambda: d.ParallelWaveganDiscriminator(channels=8), plain, (2, 1, 1000)),
    "parallel-wavegan/doubling": (lambda: d.ParallelWaveganDiscriminator(6, 8, factor=2), plain, (1, 1, 1000)),
}


def off(made, expected):
    """The largest difference, in units of the largest value where that is above 1"""
    return ((made - expected).abs().max() / expected.abs().max().clamp(min=1)).item()


@pytest.mark.parametrize("name", CASES)
def test_scores_features_and_gradients_are_those_of_the_published_code(name):
    build, run, shape = CASES[name]
    module, x = fill(build()), wave(name, *shape).requires_grad_()
    made = summary(run(module, x), x, module)
    expected = {k.removeprefix(name + "/"): v for k, v in FOUND.items() if k.startswith(name + "/")}
    assert made.keys() == expected.keys()
    assert made["shapes"].tolist() == expected["shapes"].tolist()
    assert {
        k: off(made[k].float(), v.float())
        for k, v in expected.items()
        if not off(made[k].float(), v.float()) <= TOLERANCE
    } == {}


@pytest.mark.parametrize(
    "name, build",
    [
        ("hifi-gan", lambda: d.MultiPeriodDiscriminator()),
        ("fre-gan", lambda: d.MultiPeriodDiscriminator(wavelets=True)),
        ("vocos", lambda: d.MultiPeriodDiscriminator(from_layer=1, conditions=4)),
    ],
)
def test_checkpoints_have_the_published_names_and_shapes(name, build):
    with safe_open(GOLDEN / "discriminators.safetensors", "pt") as file:
        assert names(build()) == file.metadata()[name]


MEL = {
    "univnet/stft": lambda x, y: losses.spectral_convergence(x, y),
    "parallel-wavegan/stft": lambda x, y: losses.spectral_convergence(x, y),
    "bigvgan/mel": lambda x, y: losses.fine_mel(x[:, 0], y[:, 0], 24000),
    "vocos/mel": lambda x, y: torch.nn.functional.l1_loss(*(vocos_mel(v) for v in (x, y))),
    "encodec/mel-paper": lambda x, y: losses.balanced_mel(x[:, 0], y[:, 0], 24000),
    "encodec/mel-default": lambda x, y: losses.balanced_mel(x[:, 0], y[:, 0], 24000, range(6, 11)),
    "encodec/mel-48khz": lambda x, y: losses.balanced_mel(x[:, 0], y[:, 0], 48000),
    "soundstream/mel": lambda x, y: losses.soundstream_mel(x, y, 24000),
}
LENGTHS = {"bigvgan/mel": (2, 1, 6000)} | {f"encodec/mel-{k}": (2, 1, 6001) for k in ("paper", "default", "48khz")}


def vocos_mel(x):
    from data.mels import LogMel

    return LogMel(**vocos.mel_of(next(iter(vocos.PRESETS.values()))))(x)


@pytest.mark.parametrize("name", MEL)
def test_spectral_losses_are_those_of_the_published_code(name):
    shape = LENGTHS.get(name, (2, 6000))
    x, y = wave("fake", *shape).requires_grad_(), wave("real", *shape)
    loss = MEL[name](x, y)
    assert off(loss.detach(), LOSSES[name]) <= TOLERANCE
    gradient, expected = sample(torch.autograd.grad(loss, x)[0]), LOSSES[name + "/gradient"]
    # an L1 of bins that are nearly equal has a slope of either sign, by the rounding of an FFT
    assert (gradient - expected).norm() <= 0.05 * expected.norm()


RECIPES = {  # name: (discriminators, recipe, shape)
    "hifi-gan": (d.MultiScaleDiscriminator, lambda m: hifi_gan.Recipe, (1, 2000)),
    "vocos": (d.MultiBandDiscriminator, lambda m: vocos.Recipe, (1, 3000)),
    "melgan": (d.MelganDiscriminator, lambda m: melgan.Recipe, (1, 4096)),
}


@pytest.mark.parametrize("name", RECIPES)
def test_adversarial_losses_weigh_what_the_published_training_code_weighs(name):
    build, recipe, shape = RECIPES[name]
    module = fill(build())
    # golden/make.py fills MelGAN's before the losses, the others anew: the same weights
    real, fake = module(wave("real", *[1, *shape][-2:])), module(wave("fake", *[1, *shape][-2:]) * 0.7)
    config = dict(lambda_feat=10, n_layers_D=4)
    me = SimpleNamespace(config=config, weighted=lambda loss, *heard: loss(*heard))
    told, fooled = recipe(module).judge(me, real, fake), recipe(module).fool(me, real, fake)
    assert off(told, LOSSES[f"{name}/discriminator"]) <= TOLERANCE
    assert off(fooled["adversarial"], LOSSES[f"{name}/generator"]) <= TOLERANCE
    assert off(fooled["matching"], LOSSES[f"{name}/matching"]) <= TOLERANCE


def test_the_balancer_pushes_as_the_published_one_does():
    balancer = encodec.Balancer(dict(a=1, b=4, c=2.0))
    for step in range(3):
        x = wave("fake", 2, 500).requires_grad_()
        terms = dict(a=x.abs().mean(), b=(x - wave("real", 2, 500)).square().mean(), c=(x * (step + 1)).tanh().sum())
        balancer.backward(terms, x)
        assert off(sample(x.grad), LOSSES[f"encodec/balanced{step}"]) <= 1e-6


def test_the_minimax_generator_learns_nothing_from_a_sure_discriminator_and_the_others_do():
    slopes = {}
    for name, (_, generator) in losses.OBJECTIVES.items():
        score = torch.tensor([-12.0], requires_grad=True)  # it is a fake, says the discriminator, with 1 - 6e-6
        slopes[name] = -torch.autograd.grad(generator([(score, [])]), score)[0].item()
    assert 0 < slopes["minimax"] < 1e-5
    assert slopes["non_saturating"] > 0.99999
    assert slopes["hinge"] == 1
    assert slopes["least_squares"] == 26


@pytest.mark.parametrize("name", losses.OBJECTIVES)
def test_every_objective_is_lower_for_a_discriminator_that_is_right_and_for_a_generator_that_fools_it(name):
    discriminator, generator = losses.OBJECTIVES[name]
    high, low = [(torch.full((2, 3), 1.0), [])], [(torch.full((2, 3), -1.0), [])]
    assert discriminator(high, low) < discriminator(low, high)
    assert generator(high) < generator(low)


def test_bigvgan_clips_each_discriminator_by_itself_and_the_others_all_at_once():
    apart, together = bigvgan.Recipe(bigvgan.PRESETS["tiny"]), hifi_gan.Recipe(hifi_gan.PRESETS["tiny"])
    assert [len(group) for group in apart.clipped()] == [len([*m.parameters()]) for m in apart.discriminators.values()]
    assert len(together.clipped()) == 1


def test_clips_get_the_levels_of_the_papers():
    levels = {
        m.__name__.split(".")[-1]: m.Recipe.level
        for m in (melgan, hifi_gan, fre_gan, bigvgan, vocos, univnet, parallel_wavegan)
    }
    peaks = {name: [level.gain(0.5) * 0.5 for _ in range(200)] for name, level in levels.items() if level}
    assert levels["univnet"] is levels["parallel_wavegan"] is None
    assert set(map(lambda x: round(x, 6), peaks["hifi_gan"])) == {0.95} and levels["hifi_gan"].whole
    assert not levels["bigvgan"].whole
    assert 0.285 <= min(peaks["melgan"]) < 0.35 and 0.9 < max(peaks["melgan"]) <= 0.95
    assert 10 ** (-6 / 20) <= min(peaks["vocos"]) and max(peaks["vocos"]) <= 10 ** (-1 / 20)
