#!/bin/sh
# Make a virtual environment with mintage in it:  sh scripts/install.sh VENV EXTRAS
#
# torch is the one dependency that needs care. constraints.txt pins it, so that no resolver takes a newer
# build behind our back. On Linux without an NVIDIA GPU the plain wheel would bring gigabytes of CUDA, so the
# CPU build is asked for first: from whatever pip is set up to reach, then through uv, which knows where
# PyTorch keeps its CPU wheels. Where neither is reachable the plain pinned wheel is taken.
set -eu
venv=$1 extras=$2
python=${PYTHON:-python3}
torch=$(sed -n 's/^torch==//p' constraints.txt)

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }

if ! "$venv/bin/python" -c "import torch, sys; sys.exit(torch.__version__.split('+')[0] != '$torch')" 2>/dev/null; then
  if [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null 2>&1; then
    pip install "torch==$torch+cpu" 2>/dev/null ||
      { pip install uv 2>/dev/null &&
        "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --torch-backend cpu "torch==$torch" 2>/dev/null; } ||
      pip install "torch==$torch"
  else
    pip install "torch==$torch"
  fi
fi
pip install -c constraints.txt -e ".[$extras]"
