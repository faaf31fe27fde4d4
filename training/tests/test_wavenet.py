"""WaveNet: causal, and the same whether all samples are read at once or one by one with cached states."""

import json, math
import pytest, torch
from safetensors.torch import load_file
from papers.vocoders import wavenet


@pytest.fixture
def generator():
    torch.manual_seed(2)
    return wavenet.Generator(wavenet.PRESETS["tiny"]).eval()


def inputs(frames=4):
    torch.manual_seed(3)
    return torch.randint(0, 256, (2, 60 * frames)), torch.randn(2, 20, frames)


def test_no_sample_hears_itself_or_what_comes_after_it(generator):
    generator, (codes, mel) = generator.double(), inputs()
    mel = mel.double()
    before = generator.logits(codes, mel)
    codes[:, 100] = (codes[:, 100] + 7) % 256
    moved = (generator.logits(codes, mel) - before).abs().amax((0, 1)) > 0
    assert moved.nonzero().flatten().tolist() == [*range(101, 101 + generator.receptive_field)]
    assert generator.receptive_field == 1 + 2 * (1 + 2 + 4 + 8 + 16)


@torch.no_grad()
def test_steps_with_cached_states_give_what_all_samples_at_once_give(generator):
    codes, mel = inputs(1)
    whole, state, fine = generator.logits(codes, mel), generator.begin(2), generator.upsample(mel)
    previous = torch.full((2,), int(wavenet.encode(torch.zeros(()), 256)))
    for n in range(60):
        logits = generator.step(previous, fine[..., n], state, n)
        assert (logits - whole[..., n]).abs().max() < 1e-4, n
        previous = codes[:, n]


def test_mu_law_keeps_a_waveform_to_a_half_of_its_steps():
    x = torch.linspace(-1, 1, 4001)
    y = wavenet.decode(wavenet.encode(x, 256), 256)
    assert (x - y).abs().max() < 1.01 * math.log(256) / 255
    assert (x - y).abs()[x.abs() < 0.01].max() < 3.1e-4  # a fiftieth of the coarsest step


def test_it_speaks_as_many_samples_as_the_mel_asks_for_each_where_the_noise_says(generator):
    _, mel = inputs(1)
    noise = torch.rand(2, 60)
    made = generator(mel, noise)
    assert made.shape == (2, 1, 60)
    assert torch.equal(made, generator(mel, noise))
    codes, centres = generator.speak(mel, noise)
    assert torch.equal(made, wavenet.decode(codes, 256)[:, None])
    assert torch.equal(made, generator(mel, centres))
    assert not torch.equal(made, generator(mel, 1 - noise))


def test_it_learns_a_tone_by_heart(generator):
    t = torch.arange(600) / 24000
    wave, mel = 0.5 * torch.sin(2 * math.pi * 220 * t)[None], torch.zeros(1, 20, 10)
    optimizer, losses = torch.optim.Adam(generator.parameters(), 1e-2), []
    for _ in range(80):
        loss = wavenet.negative_log_likelihood(generator, mel, wave)
        optimizer.zero_grad(), loss.backward(), optimizer.step()
        losses.append(loss.item())
    assert abs(losses[0] - math.log(256)) < 0.5
    assert losses[-1] < 0.7 * losses[0]


def test_the_script_trains_and_leaves_weights_that_speak_as_the_case_says(cache, tmp_path, script):
    script("train/train_wavenet.py", "--preset", "tiny", "--cache", cache, "--run", tmp_path, "--steps", 3)
    case = tmp_path / "export"
    weights = torch.load(next(case.glob("*.pt")), weights_only=True)["generator"]
    again = wavenet.Generator(json.loads((case / "config.json").read_text())).eval()
    again.load_state_dict(weights)
    io = load_file(case / "io.safetensors")
    with torch.no_grad():
        assert (again(io["mel"], io["noise"][:, 0]) - io["audio"]).abs().max() == 0
