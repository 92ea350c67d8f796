"""Extractors by name, as the command line asks for them.

    auto                   the usual one for the kind of data
    small                  the packaged net for small images
    inception              Inception-v3 of 2015 by your weight file: figures that compare with most of the literature
    inception-clean        the same, resized as clean-fid resizes
    mobilenet              MobileNetV2 by your weight file: semantic features of photographs, fast
    package.module:name    your own: a function without arguments that returns an Extractor

`inception@SHA256`, and so for inception-clean, takes a weight file that is not one of the known ones, if it has that
digest: whoever names it vouches for the file.
"""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from mintage.data import DataSpec
from mintage.evaluation import Extractor, extractor_for, small_image_features
from mintage.runs.errors import RunError

NAMES = ("auto", "small", "inception", "inception-clean", "mobilenet")
WEIGHTED = NAMES[2:]
DIGEST = 64  # letters of a SHA-256


def extractor_named(name: str, spec: DataSpec, weights: Path | None = None) -> Extractor:
    """The extractor of this name for data of this spec.

    Raises:
        RunError: no such name, weights that are missing, not wanted or damaged, or data it is not for.
    """
    if ":" in name:
        if weights is not None:
            raise RunError(f"--weights is for --features {', '.join(WEIGHTED)}; your own function finds its own")
        return _own(name)
    name, trust = refuse_name(name)
    if name != "auto" and spec.kind != "image":
        raise RunError(f"{name} features are for images, and these are {spec.kind}; leave --features out")
    if name not in WEIGHTED:
        if weights is not None:
            raise RunError(f"--weights is for --features {', '.join(WEIGHTED)}; {name} features need none")
        return extractor_for(spec) if name == "auto" else small_image_features()
    if weights is None:
        raise RunError(f"{name} features need the file of their weights: --weights FILE " + (
            "(a .safetensors file)" if name == "mobilenet" else
            "(torch-fidelity's weights-inception-2015-12-05-6726825d.pth, or NVIDIA's TorchScript file), or "
            "--weights fetch to download it once"))
    return _by_weights(name, weights, trust)


def refuse_name(name: str) -> tuple[str, str]:
    """(name, digest that is trusted or "") of a name that is known.

    Raises:
        RunError: it is not, or what follows the @ is no SHA-256, or is for features without it.
    """
    plain, _, trust = name.partition("@")
    if plain not in NAMES:
        near = get_close_matches(plain, NAMES, n=1)
        raise RunError(f"there are no features {plain!r}" + (f"; did you mean {near[0]!r}?" if near else ".")
                       + f" There are {', '.join(NAMES)}, or your own as package.module:function")
    trust = trust.strip().lower()
    if trust and not plain.startswith("inception"):
        raise RunError(f"--trust is for the weights of --features inception; {plain} features take none on trust")
    if trust and (len(trust) != DIGEST or set(trust) - set("0123456789abcdef")):
        raise RunError(f"--trust is {trust!r}; give the SHA-256 of the weight file, {DIGEST} letters of 0-9 and a-f")
    return plain, trust


def _by_weights(name: str, weights: Path, trust: str) -> Extractor:
    from mintage.evaluation.features.inception import inception_features
    from mintage.evaluation.features.mobilenet import mobilenet_features

    if not weights.is_file():
        beside = [p.name for p in weights.parent.iterdir()] if weights.parent.is_dir() else []
        near = [] if weights.exists() else get_close_matches(weights.name, beside, n=1)
        raise RunError(f"--weights {weights} is a folder; give the file in it" if weights.is_dir() else
                       f"--weights: there is no file {weights}"
                       + (f"; did you mean {weights.parent / near[0]}?" if near else ""))
    try:
        if name == "mobilenet":
            return mobilenet_features(weights)
        _refuse_stranger(weights, trust)
        return inception_features(weights, resize="clean" if name.endswith("clean") else "tensorflow", trust=trust)
    except ValueError as error:
        raise RunError(str(error)) from None


def _refuse_stranger(weights: Path, trust: str) -> None:
    """Refuse a file of Inception that is neither known nor trusted, in the words of the command line."""
    from hashlib import file_digest

    from mintage.evaluation.features.inception_weights import FETCHED, KNOWN

    with weights.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    if digest not in KNOWN and trust != digest:
        right = f"{KNOWN[FETCHED].name} has {KNOWN[FETCHED].size:,} bytes"
        raise RunError(f"{weights} ({weights.stat().st_size:,} bytes) is none of the known files of Inception's "
                       f"weights ({right}); was a download cut short? To get it: --weights fetch. To use this file all "
                       f"the same, if you know where it comes from: --trust {digest}")


def _own(name: str) -> Extractor:
    module, _, function = name.partition(":")
    if not module or not function:
        raise RunError(f"--features {name}: give your own as package.module:function")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a file beside the user is found, as by python -m; what is installed comes first
    try:
        make = getattr(import_module(module), function)
        if not callable(make):
            raise TypeError(f"{function} is not a function")
        found = make()
    except (ImportError, AttributeError, TypeError) as error:
        raise RunError(f"--features {name}: {error}. Give package.module:function of something that can be imported "
                       "here and is called without arguments") from None
    if not isinstance(found, Extractor):
        raise RunError(f"--features {name} returned {type(found).__name__}; it must return a mintage.evaluation."
                       "Extractor, as module_features(module, name, dim) makes")
    return found
