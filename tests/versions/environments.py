"""Environments with other versions of the libraries, made when they are first needed."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".venv-versions"
REQUIREMENTS = {
    "4.29.2": "transformers==4.29.2 tokenizers==0.13.3 peft==0.6.2 accelerate==0.21.0 huggingface-hub==0.25.2 "
    "torch==2.13.0 numpy==1.26.4 einops==0.8.2 setuptools==80.9.0",
    "4.44.2": "transformers==4.44.2 tokenizers==0.19.1 peft==0.13.2 accelerate==0.34.2 torch==2.6.0 numpy==1.26.4",
    "4.57.6": "transformers==4.57.6 tokenizers==0.22.2 peft==0.17.1 accelerate==1.10.1 torch==2.13.0 numpy==2.4.6",
    "5.24.0": "transformers==5.24.0 tokenizers==0.23.3 peft==0.21.2 accelerate==1.15.0 torch==2.13.0 numpy==2.4.6",
    "tools": "transformers==5.24.0 peft==0.21.2 torch==2.13.0 numpy==2.4.6 sentence-transformers==6.2.0 captum==0.9.0 "
    "onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0",
}
"""What is installed, by the version of transformers; ``tools`` are libraries that build on it. 4.29.2 is the version of
the released scripts."""


def python(name: str) -> Path:
    """The interpreter of an environment, which is made anew if it is not there or its requirements have changed.

    PIP_ARGS, as in the Makefile, are further arguments of pip. Raises CalledProcessError if pip fails.
    """
    folder = FOLDER / name
    done, requirements = folder / "installed", REQUIREMENTS[name]
    if not done.is_file() or done.read_text() != requirements:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        arguments = [*shlex.split(os.environ.get("PIP_ARGS", "")), *requirements.split()]
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", *arguments], check=True)
        done.write_text(requirements)
    return folder / "bin" / "python"
