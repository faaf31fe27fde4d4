"""`pnpm test:training`: all tests of this folder, in a Python environment of their own; nothing is skipped.

Makes training/.venv with the pinned packages of requirements.txt (by uv where it is installed, else by pip), or takes
the Python that MYNAH_PYTHON names. Then runs pytest here, and test/training.test.ts, where TypeScript computes what
PyTorch has trained. usage: python3 training/tests/run.py [pytest's options], or --recipes [options of recipes.py], which
trains every recipe of the papers on real speech instead
"""

import hashlib, os, shutil, subprocess, sys, venv
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ENVIRONMENT, REQUIREMENTS = HERE / ".venv", HERE / "requirements.txt"
NEEDED = "import torch, librosa, soxr, safetensors, soundfile, moonshine_voice, num2words, pytest"


def environment():
    """-> the interpreter; made once, and again where requirements.txt has changed"""
    python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, wanted = ENVIRONMENT / "installed", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text("utf8") == wanted:
        return python
    if sys.version_info < (3, 10):
        raise SystemExit(f"Python 3.10 or later is needed, this is {sys.version.split()[0]}")
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "--allow-existing", ENVIRONMENT], check=True)
        torch = ["--torch-backend", "cpu"]
        subprocess.run([uv, "pip", "install", "--python", python, *torch, "-r", REQUIREMENTS], check=True)
    else:
        venv.create(ENVIRONMENT, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS], check=True)
    stamp.write_text(wanted, "utf8")
    return python


def main():
    python = os.environ.get("MYNAH_PYTHON") or environment()
    if subprocess.run([python, "-c", NEEDED]).returncode != 0:
        raise SystemExit(f"{python} lacks packages of {REQUIREMENTS}")
    options = sys.argv[1:]
    if "--recipes" in options:
        options.remove("--recipes")
        raise SystemExit(subprocess.run([python, HERE / "tests/recipes.py", *options], cwd=HERE).returncode)
    failed = subprocess.run([python, "-m", "pytest", HERE / "tests", *options], cwd=HERE).returncode
    npx = shutil.which("npx")
    if not npx:
        raise SystemExit("npx is not there: test/training.test.ts cannot run")
    environ = dict(os.environ, MYNAH_PYTHON=str(python), MYNAH_TRAINING="required")
    failed |= subprocess.run([npx, "vitest", "run", "test/training.test.ts"], cwd=HERE.parent, env=environ).returncode
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
