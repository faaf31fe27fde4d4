"""Turns what `pnpm judge SET` spoke and score.py measured into the tables and the plots of docs/history/results.md, and keeps
the history.

usage: python eval/results.py SET [--run mynah] [--history ../docs/history/results.json] [--plots ../docs/history/results]
    [--robustness OUT] [--note TEXT]
Reads SET/RUN and SET/references, replaces or appends the run in the history, draws wer.png and similarity.png of all
runs, writes the table over time into results.md, prints the table of this one. Without SET it only draws and writes
again.
"""

import argparse, collections, json
from pathlib import Path

TITLES = {
    "synthetic": "held-out synthetic speakers",
    "human": "held-out people",
    "heard": "with a recognizer's transcript",
    "noise-15": "with noise, 15 dB",
    "noise-10": "with noise, 10 dB",
    "room": "in a room",
    "telephone": "by telephone, 8 kHz μ-law",
    "mp3": "as mp3, 31 kbps",
    "short": "of 2 s",
    "cut": "ending within a word",
    "quiet": "at −40 dBFS",
    "kathleen": "human recordings with known texts (Kathleen, a training speaker)",
    "": "other systems, own voices",
}
SYSTEMS = {
    "input": "recording",
    "codec": "codec reconstruction, 8 codebooks (similarity to its recording)",
    "mynah": "**Mynah**",
}


def scores(folder):
    """The rows that score.py has measured there."""
    path = folder / "scores.json"
    rows = []
    for row in json.loads(path.read_text("utf8")) if path.exists() else []:
        group, _, system = row["group"].partition(" ")
        place = dict(group=group, system=system) if group in TITLES else dict(group="", system=row["group"])
        rows.append(row | place)
    return rows


def set_of(folder):
    groups = collections.Counter(
        json.loads(line)["group"] for line in (folder / "set.jsonl").read_text("utf8").splitlines()
    )
    return ", ".join(f"{count} {group}" for group, count in groups.items())


def robustness_of(folder):
    return {
        k: v for k, v in json.loads((Path(folder) / "robustness.json").read_text("utf8")).items() if k != "examples"
    }


def cell(value, digits):
    return "–" if value is None else f"{value:.{digits}f}"


def table(run):
    lines = [
        "| | sentences | WER % [95 %] (S D I) | first word wrong % | similarity | by x-vector | P808 |",
        "|---|---|---|---|---|---|---|",
    ]
    order = lambda row: (
        list(TITLES).index(row["group"]),
        list(SYSTEMS).index(row["system"]) if row["system"] in SYSTEMS else 9,
    )
    for row in sorted(run["rows"], key=order):
        counts = " ".join(str(row[k]) for k in ("substitutions", "deletions", "insertions"))
        title = f"{TITLES[row['group']]}: {SYSTEMS.get(row['system'], row['system'])}"
        low, high = row["interval"]
        cells = [title, row["n"], f"{row['wer']:.1f} [{low:.1f}, {high:.1f}] ({counts})", cell(row["first"], 1)]
        cells += [cell(row["similarity"], 3), cell(row["xvector"], 3), cell(row["p808"], 2)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    facts = [f"{run['name']}, {run['date']}: {run['megabytes']:.1f} MB"]
    if "realTimeFactor" in run:
        factor = f"real-time factor {run['realTimeFactor']:.3f} on one thread"
        facts.append(
            factor
            + (f" ({run['cpuFactor']:.3f} s of processor time per second of speech)" if "cpuFactor" in run else "")
            + f", {run['machine']}"
        )
    if "refused" in run:
        facts.append(f"{len(run['refused'])} prompts refused")
    if r := run.get("robustness"):
        facts.append(
            f"of {r['judged']} utterances of {r['sentences']} sentences "
            f"{r['endless']} endless, {r['empty']} empty, {r['repeating']} with a repeated phrase"
        )
    return "\n".join(lines) + "\n\n" + "; ".join(facts) + "."


def over_time(history):
    """One line for each run and group of prompts."""
    lines = [
        "| date | model | prompts | sentences | WER % (S D I) | CER % | similarity | P808 | real-time factor | MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in history:
        for group in ("synthetic", "human"):
            for row in run["rows"]:
                if (row["group"], row["system"]) == (group, "mynah"):
                    wer = f"{row['wer']:.1f} ({row['substitutions']} {row['deletions']} {row['insertions']})"
                    measured = [
                        wer,
                        cell(row.get("cer"), 1),
                        cell(row["similarity"], 3),
                        cell(row["p808"], 2),
                        cell(run.get("realTimeFactor"), 3),
                        cell(run["megabytes"], 1),
                    ]
                    lines.append(
                        "| "
                        + " | ".join([run["date"], run["name"].removesuffix("-model"), group, str(row["n"]), *measured])
                        + " |"
                    )
    return "\n".join(lines)


def plot(history, folder):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    series = [
        ("synthetic", "mynah", "Mynah, synthetic prompt", "tab:blue"),
        ("human", "mynah", "Mynah, human prompt", "tab:orange"),
        ("synthetic", "codec", "codec", "tab:green"),
        ("synthetic", "input", "recording", "tab:gray"),
    ]
    for key, title in (("wer", "word error rate, %"), ("similarity", "similarity")):
        figure, axes = plt.subplots(figsize=(5, 3.2))
        for group, system, label, colour in series:
            points = [
                (n, row[key])
                for n, run in enumerate(history)
                for row in run["rows"]
                if (row["group"], row["system"]) == (group, system) and row.get(key) is not None
            ]
            if points:
                axes.plot(*zip(*points), "o-", label=label, color=colour)
        labels = [f"{run['name'].removesuffix('-model')}, {run['date'][5:]}" for run in history]
        axes.set_xticks(range(len(history)), labels, fontsize=7, rotation=30, ha="right")
        axes.set_ylabel(title), axes.grid(alpha=0.3), axes.legend(fontsize=7)
        if key == "wer":
            axes.set_ylim(bottom=0)
        figure.tight_layout()
        figure.savefig(folder / f"{key}.png", dpi=100)
        plt.close(figure)


def main():
    docs = Path(__file__).resolve().parents[2] / "docs"
    a = argparse.ArgumentParser()
    a.add_argument("set", nargs="?")
    a.add_argument("--run", default="mynah")
    a.add_argument("--history", default=docs / "history" / "results.json")
    a.add_argument("--plots", default=docs / "history" / "results")
    a.add_argument("--robustness")
    a.add_argument("--note")
    a = a.parse_args()
    history, plots = Path(a.history), Path(a.plots)
    runs = json.loads(history.read_text("utf8")) if history.exists() else []
    if a.set:
        folder = Path(a.set)
        run = json.loads((folder / a.run / "run.json").read_text("utf8")) | {
            "rows": scores(folder / a.run) + scores(folder / "references")
        }
        run["set"] = set_of(folder)
        if a.robustness:
            run["robustness"] = robustness_of(a.robustness)
        if a.note:
            run["note"] = a.note
        runs = [each for each in runs if (each["name"], each["set"]) != (run["name"], run["set"])] + [run]
        history.write_text(json.dumps(runs, indent=1, ensure_ascii=False) + "\n", "utf8")
        print(table(run))
    report = history.with_suffix(".md")
    if report.exists():
        begin, end = "<!-- over time -->\n", "\n<!-- end -->"
        text = report.read_text("utf8")
        head, tail = text[: text.index(begin) + len(begin)], text[text.index(end) :]
        report.write_text(head + over_time(runs) + tail, "utf8")
    plots.mkdir(parents=True, exist_ok=True)
    plot(runs, plots)


if __name__ == "__main__":
    main()
