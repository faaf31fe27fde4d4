"""Commands of the README and of the guide: every script is there, and takes every option that is shown."""

import argparse, importlib, re, shlex, sys
from pathlib import Path
import pytest

HERE = Path(__file__).resolve().parents[1]
PAGES = (HERE / "README.md", HERE.parent / "docs/guide/train.md")
FOREIGN = {"data/synthesize.py", "eval/compare_codecs.py"}  # need packages that no test has


class Parsed(Exception):
    pass


def commands():
    found = {}
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf8"), re.S):
            for line in block.replace("\\\n", " ").splitlines():
                if match := re.search(r"python (\S+\.py)([^;&#]*)", line):
                    found[f"{page.name}: {match[1]}{match[2]}"] = (match[1].removeprefix("training/"), match[2])
    return found


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_docs_is_one_that_its_script_takes(command, monkeypatch):
    script, words = commands()[command]
    assert (HERE / script).exists()
    if script in FOREIGN:
        return
    parse = argparse.ArgumentParser.parse_args

    def parsed(self, *args, **options):
        parse(self, *args, **options)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    monkeypatch.setattr(sys, "argv", [script, *shlex.split(words)])
    with pytest.raises(Parsed):
        importlib.import_module(script.removesuffix(".py").replace("/", ".")).main()
