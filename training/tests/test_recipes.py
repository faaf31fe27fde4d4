"""Every recipe learns: on the same two pieces over and over, what it minimizes falls. And what it leaves is whole."""

import csv, json, statistics
import pytest, torch
from data.corpus import Segments
from papers.codecs import encodec
from papers.valle import VallE

STEPS = 40
LONGER = {"melgan": 150}  # no spectral loss: its discriminators have to learn first
VOCODERS = ("hifi-gan", "fre-gan", "univnet", "bigvgan", "istftnet", "vocos")
RECIPES = {  # name: (script, options, column of the log that falls)
    **{p: ("train_vocoder", ("--paper", p, "--preset", "tiny"), "mel_l1") for p in VOCODERS},
    "bigvgan-v2": ("train_vocoder", ("--paper", "bigvgan", "--preset", "tiny-v2"), "mel_l1"),
    "melgan": ("train_vocoder", ("--paper", "melgan", "--preset", "tiny"), "mel_l1"),
    "wavenet": ("train_wavenet", ("--preset", "tiny"), "nll"),
    "parallel-wavegan": ("train_vocoder", ("--paper", "parallel-wavegan", "--preset", "tiny"), "stft"),
    "encodec": ("train_encodec", ("--paper", "encodec", "--preset", "tiny"), "mel"),
    "encodec-48khz": ("train_encodec", ("--paper", "encodec", "--preset", "tiny-48khz"), "mel"),
    "soundstream": ("train_encodec", ("--paper", "soundstream", "--preset", "tiny"), "mel"),
}


def column(run, name):
    return [float(row[name]) for row in csv.DictReader((run / "log.csv").open())]


def learns(values, by=0.95):
    first, last = (statistics.median(part) for part in (values[:8], values[-8:]))
    return last < by * first


@pytest.fixture
def overfit(monkeypatch):
    """The same two pieces in every batch"""
    draw, pieces = Segments.__call__, []

    def same(self):
        if len(pieces) < 2:
            pieces.append(draw(self))
            return pieces[-1]
        pieces.append(pieces.pop(0))
        return pieces[-1]

    monkeypatch.setattr(Segments, "__call__", same)


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_minimizes_falls_on_the_same_two_pieces(name, cache, tmp_path, script, overfit):
    path, options, column_name = RECIPES[name]
    steps = LONGER.get(name, STEPS)
    bounds = ("--steps", steps, "--batch", 2, "--threads", 1, "--log-every", 1)
    script(f"train/{path}.py", *options, "--cache", cache, "--run", tmp_path, *bounds)
    values = column(tmp_path, column_name)
    assert len(values) == steps
    assert learns(values), values
    case = json.loads((tmp_path / "export/case.json").read_text())
    assert (tmp_path / "export" / case["checkpoint"]["file"]).exists()


def test_encodec_and_vall_e_fit_each_other(cache, tmp_path, script):
    bounds = ("--cache", cache, "--threads", 1, "--batch", 2)
    encodec_run, valle_run = tmp_path / "encodec", tmp_path / "valle"
    script("train/train_encodec.py", "--preset", "tiny", "--steps", 3, "--run", encodec_run, *bounds)
    options = ("--preset", "tiny", "--codec", encodec_run / "export", "--log-every", 1, "--run", valle_run)
    for steps in (STEPS // 2, STEPS):  # the second time from the tokens that the first has left
        script("train/train_valle.py", *options, "--steps", steps, *bounds)
    for name in ("ar", "nar"):
        assert learns(column(valle_run, name)), name


def test_vocos_reads_the_codes_of_encodec(cache, tmp_path, script):
    bounds = ("--cache", cache, "--threads", 1, "--batch", 2, "--steps", 3)
    script("train/train_encodec.py", "--preset", "tiny", "--run", tmp_path / "encodec", *bounds)
    options = ("--paper", "vocos", "--preset", "tiny-encodec", "--codec", tmp_path / "encodec/export")
    script("train/train_vocoder.py", *options, "--run", tmp_path / "vocos", *bounds)
    assert (tmp_path / "vocos/export/case.json").exists()


def test_a_published_vocoder_is_what_a_run_begins_from(cache, tmp_path, script):
    bounds = ("--cache", cache, "--threads", 1, "--batch", 2, "--paper", "hifi-gan", "--preset", "tiny")
    script("train/train_vocoder.py", "--steps", 2, "--run", tmp_path / "first", *bounds)
    published = next((tmp_path / "first/export").glob("g_*"))
    weights = torch.load(published, weights_only=True)["generator"]
    config = tmp_path / "first/export/config.json"
    script(
        "train/train_vocoder.py",
        "--config",
        config,
        "--steps",
        1,
        "--init",
        published,
        "--run",
        tmp_path / "a",
        *bounds,
    )
    folded = {}  # as `mynah convert` writes it: weight norm folded
    for key, value in weights.items():
        if key.endswith("_v"):
            gain = weights[key[:-1] + "g"]
            folded[key[:-2]] = value * (gain / value.flatten(1).norm(dim=1).view(gain.shape))
        elif not key.endswith("_g"):
            folded[key] = value
    from safetensors.torch import save_file

    save_file(folded, tmp_path / "model.safetensors")
    options = ("--config", config, "--steps", 1, "--init", tmp_path / "model.safetensors", "--run", tmp_path / "b")
    script("train/train_vocoder.py", *options, *bounds)
    first = [column(tmp_path / run, "mel_l1") if (tmp_path / run / "log.csv").exists() else None for run in "ab"]
    states = [torch.load(tmp_path / run / "last.pt", weights_only=True)["modules"][0] for run in "ab"]
    assert first[0] == first[1]
    for key in weights:
        if key.endswith("bias"):
            assert torch.allclose(states[0][key], states[1][key], atol=1e-4), key
            assert torch.allclose(states[0][key], weights[key], atol=1e-3), key  # one step away from where it began


def tiny_codec():
    torch.manual_seed(0)
    return encodec.Codec(encodec.PRESETS["tiny"])


def test_gradients_pass_the_quantizer_unchanged_and_every_codebook_pulls_at_the_encoder():
    torch.manual_seed(0)
    quantizer = encodec.Quantizer(8, 16, 8)
    z = torch.randn(2, 8, 150, requires_grad=True)
    quantizer(z.detach(), 8)  # starts the codebooks
    quantized, _ = quantizer(z, 4)
    assert torch.equal(torch.autograd.grad(quantized.sum(), z)[0], torch.ones_like(z))
    quantizer.requires_grad_(False)
    before = torch.zeros_like(z)
    for book in quantizer.codebooks:
        book.learn = lambda *_: None  # the same codewords for every number of codebooks
    for levels in range(1, 9):
        _, commitment = quantizer(z, levels)
        total = torch.autograd.grad(commitment * levels, z)[0]
        assert (total - before).abs().max() > 1e-6, f"codebook {levels}"
        before = total


def test_a_codec_that_is_saved_and_loaded_gives_the_same_codes_and_samples(tmp_path):
    codec = tiny_codec().eval()
    wave = torch.randn(1, 1, 3200) * 0.1
    codec.quantizer(codec.encoder(wave), 8)
    torch.save(codec.state_dict(), tmp_path / "codec.th")
    again = encodec.Codec(encodec.PRESETS["tiny"]).eval()
    again.load_state_dict(torch.load(tmp_path / "codec.th", weights_only=True))
    with torch.no_grad():
        codes = codec.encode(wave, 6)
        assert torch.equal(codes, again.encode(wave, 6))
        assert torch.equal(codec.decode(codes), again.decode(codes))


def test_a_corpus_with_nothing_to_train_on_says_so(tmp_path, script):
    from data.corpus import write_cache

    write_cache(tmp_path, [])
    with pytest.raises(SystemExit, match="has no clip to train on"):
        script(
            "train/train_vocoder.py",
            "--paper",
            "vocos",
            "--preset",
            "tiny",
            "--cache",
            tmp_path,
            "--run",
            tmp_path / "run",
        )


def test_vall_e_forgets_nothing_over_a_state_dict():
    from papers.valle import PRESETS

    torch.manual_seed(1)
    model, again = VallE(PRESETS["tiny"]).eval(), VallE(PRESETS["tiny"]).eval()
    again.load_state_dict(model.state_dict())
    ids, prompt = torch.randint(3, 50, (1, 6)), torch.randint(0, 1024, (1, 5, 8))
    assert all(torch.equal(a, b) for a, b in zip(model.speak(ids, prompt, 3), again.speak(ids, prompt, 3)))


def test_the_stereo_codec_is_the_published_one():
    from pathlib import Path
    from safetensors.torch import load_file

    golden = Path(__file__).resolve().parents[2] / "test/fixtures/golden/encodec/48khz-stereo"
    config = json.loads((golden / "config.json").read_text("utf8"))
    codec = encodec.Codec(encodec.ENCODEC_48K | config).eval()
    codec.load_state_dict(torch.load(golden / "encodec_x.th", weights_only=True))
    io = load_file(golden / "io.safetensors")
    with torch.no_grad():
        x, scale = codec.normalized(io["audio_in"])
        codes = codec.encode(x, 60.0)
        made = codec.decode(codes) * scale[..., None]
    alone = round(0.99 * x.shape[-1])  # samples before the next segment begins
    assert torch.equal(codes, io["codes_bw60.0_seg0"].long())
    assert (made - io["audio_out_bw60.0"][..., : x.shape[-1]])[..., :alone].abs().max() < 1e-5
