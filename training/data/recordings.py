"""Own recordings: a folder of wav, flac, ogg or mp3 files of one speaker, and what is said in them."""

import csv, json
from pathlib import Path
import numpy as np
from data.augment import levelled, trimmed

KIND = "recordings"
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")
SHORTEST, LONGEST = 1.0, 60.0  # seconds; longer ones are better cut by whoever hears them
QUIETEST = 10 ** (-50 / 20)  # peak
HELD_OUT_EVERY, MOST_HELD_OUT = 10, 50  # clips


def read_transcripts(path, files):
    """-> {name without suffix: text}. One line for each recording: `name|text` (as LJSpeech; of three columns the last
    counts), `name<tab>text`, `name,text`, {"id" or "audio", "text"} as JSON, or the texts alone in the order of the
    files' names."""
    lines = [line for line in Path(path).read_text("utf-8-sig").splitlines() if line.strip()]
    stems, rows = {f.stem for f in files}, {}
    for line in lines:
        if line.lstrip().startswith("{"):
            m = json.loads(line)
            rows[Path(m.get("id") or m["audio"]).stem] = m["text"]
            continue
        cells = next((c for c in (line.split("|"), line.split("\t"), next(csv.reader([line]))) if len(c) > 1), [""])
        name = Path(cells[0].strip()).name
        name = name if name in stems else Path(name).stem  # names may have dots
        separated = "|" in line or "\t" in line
        rows[name] = (cells[-1] if separated else ",".join(cells[1:])).strip()
    found = rows if stems & rows.keys() else {}
    if not found and len(lines) == len(files):
        found = {f.stem: line.strip() for f, line in zip(files, lines)}
    if not found:
        raise SystemExit(
            f"{path}: names none of the {len(files)} recordings, and has {len(lines)} lines, not one for each; "
            "write a line `name|text` for each recording"
        )
    return found


def problem(x, rate, text):
    """Why a recording cannot be used, or None"""
    seconds = len(x) / rate
    if seconds < SHORTEST:
        return f"{seconds:.1f} s is shorter than {SHORTEST:g} s"
    if seconds > LONGEST:
        return f"{seconds:.0f} s is longer than {LONGEST:g} s: cut it at pauses, with a text for each part"
    if np.abs(x).max() < QUIETEST:
        return "silent"
    if not text:
        return "no transcript"
    return None


def recognizer():
    """-> a function from samples and rate to text. Read it over: what it mishears is learned."""
    from eval.listening import hear

    return hear


def recordings(folder, transcripts="", transcribe=False, speaker="me", consent="", rate=24000, drop=print):
    """Yields (item, samples at `rate`) of every usable recording; the others go to `drop` by name and reason. Of ten or
    more, every tenth is held out."""
    import soundfile as sf, soxr

    files = sorted(f for f in Path(folder).rglob("*") if f.suffix.lower() in SUFFIXES)
    if not files:
        raise SystemExit(f"{folder}: has no {', '.join(SUFFIXES)} files")
    beside = {f.stem: f.with_suffix(".txt") for f in files if f.with_suffix(".txt").exists()}
    if not (transcripts or transcribe or beside):
        raise SystemExit(f"{folder}: what is said? Pass --transcripts FILE, or --transcribe, or put NAME.txt beside")
    texts = {name: path.read_text("utf-8-sig").strip() for name, path in beside.items()}
    texts |= read_transcripts(transcripts, files) if transcripts else {}
    hear = recognizer() if transcribe else None
    for name in sorted(set(texts) - {f.stem for f in files}):
        drop(f"{name}: has a transcript, but no recording")
    every = HELD_OUT_EVERY if len(files) >= HELD_OUT_EVERY else 0
    every = max(every, len(files) // MOST_HELD_OUT) if every else 0
    for n, file in enumerate(files):
        try:
            x, found = sf.read(file, dtype="float32", always_2d=True)
        except Exception as error:  # whatever libsndfile says of it
            drop(f"{file.name}: cannot be read ({error})")
            continue
        x = x.mean(1)
        text = texts.get(file.stem, "") or (hear(x, found) if hear else "")
        if why := problem(x, found, text):
            drop(f"{file.name}: {why}")
            continue
        validation = bool(every) and n % every == every - 1
        item = dict(id=file.stem, kind=KIND, speaker=f"{KIND}-{speaker}", validation=validation, text=text)
        yield item | dict(consent=consent), trimmed(levelled(soxr.resample(x, found, rate)))
