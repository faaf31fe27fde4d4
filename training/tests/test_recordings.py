"""Own recordings: transcripts in every form that people have them, and every clip that is left out with its reason."""

import json
import numpy as np, pytest, soundfile as sf
from data.recordings import read_transcripts, recordings
from golden.fill import wave

TEXTS = {"one": "The first, of five.", "two": "The second one."}
FORMS = {
    "as LJSpeech has them": "one|The 1st, of 5.|The first, of five.\ntwo|The 2nd one.|The second one.\n",
    "with tabs": "one.wav\tThe first, of five.\ntwo.wav\tThe second one.\n",
    "as CSV with folders": 'wavs/one.wav,"The first, of five."\nwavs/two.wav,The second one.\n',
    "as CSV without quotes": "one,The first, of five.\ntwo,The second one.\n",
    "as JSON lines": '{"audio": "one.wav", "text": "The first, of five."}\n{"id": "two", "text": "The second one."}\n',
    "in the order of the files": "The first, of five.\n\nThe second one.\n",
    "with a byte order mark": "\ufeffone|The first, of five.\ntwo|The second one.\n",
}


@pytest.fixture
def folder(tmp_path):
    for name in TEXTS:
        sf.write(tmp_path / f"{name}.wav", wave(name, 36000).numpy(), 24000)
    return tmp_path


@pytest.mark.parametrize("form", FORMS)
def test_transcripts_are_read(form, folder):
    (folder / "texts").write_text(FORMS[form], "utf8")
    assert read_transcripts(folder / "texts", sorted(folder.glob("*.wav"))) == TEXTS


def test_transcripts_that_name_no_recording_are_refused_with_what_to_write(folder):
    (folder / "texts").write_text("a|b\nc|d\ne|f", "utf8")
    with pytest.raises(SystemExit, match=r"names none of the 2 recordings, and has 3 lines.*name\|text"):
        read_transcripts(folder / "texts", sorted(folder.glob("*.wav")))


def test_what_cannot_be_used_is_named_with_its_reason(folder):
    sf.write(folder / "silent.wav", np.zeros(48000), 24000)
    sf.write(folder / "short.wav", wave("short", 12000).numpy(), 24000)
    sf.write(folder / "long.wav", np.tile(wave("long", 24000).numpy(), 61), 24000)
    sf.write(folder / "untold.flac", wave("untold", 48000).numpy(), 24000)
    (folder / "broken.wav").write_bytes(b"RIFF")
    texts = TEXTS | {k: "words" for k in ("silent", "short", "long", "broken", "missing")}
    (folder / "texts").write_text("".join(f"{k}|{v}\n" for k, v in texts.items()))
    left = []
    kept = [item for item, _ in recordings(folder, folder / "texts", consent="mine", drop=left.append)]
    assert [i["id"] for i in kept] == ["one", "two"]
    assert {i["consent"] for i in kept} == {"mine"}
    reasons = dict(line.split(": ", 1) for line in left)
    assert reasons["silent.wav"] == "silent"
    assert reasons["short.wav"] == "0.5 s is shorter than 1 s"
    assert reasons["long.wav"].startswith("61 s is longer than 60 s: cut it at pauses")
    assert reasons["untold.flac"] == "no transcript"
    assert reasons["broken.wav"].startswith("cannot be read")
    assert reasons["missing"] == "has a transcript, but no recording"


def test_texts_beside_the_recordings_are_read_without_being_asked(folder):
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text)
    assert {item["id"]: item["text"] for item, _ in recordings(folder)} == TEXTS


@pytest.mark.parametrize("count, held", [(5, 0), (9, 0), (10, 1), (40, 4)])
def test_of_ten_or_more_recordings_every_tenth_is_held_out(count, held, tmp_path):
    for n in range(count):
        sf.write(tmp_path / f"{n:03d}.wav", wave("same", 24000).numpy(), 24000)
    (tmp_path / "texts").write_text("\n".join(f"Text {n}." for n in range(count)))
    items = [item for item, _ in recordings(tmp_path, tmp_path / "texts")]
    assert len(items) == count
    assert sum(item["validation"] for item in items) == held


def test_a_cache_of_recordings_needs_consent_and_keeps_it(folder, tmp_path, script, capsys):
    (folder / "texts").write_text("".join(f"{k}|{v}\n" for k, v in TEXTS.items()))
    words = ("data/corpus.py", "--folder", folder, "--transcripts", folder / "texts", "--cache", tmp_path / "cache")
    with pytest.raises(SystemExit, match="needs --consent"):
        script(*words)
    script(*words, "--consent", "my own voice")
    items = [json.loads(line) for line in (tmp_path / "cache/index.jsonl").read_text().splitlines()]
    assert {i["consent"] for i in items} == {"my own voice"}
    assert capsys.readouterr().out == "3 s\n"
