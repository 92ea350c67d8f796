"""Extractors by name, as the command line asks for them.

    auto                   the usual one for the kind of data
    small                  the packaged net for small images
    inception              Inception-v3 of 2015 by your weight file: figures that compare with the literature
    mobilenet              MobileNetV2 by your weight file: semantic features of photographs, fast
    package.module:name    your own: a function without arguments that returns an Extractor
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from mintage.data import DataSpec
from mintage.evaluation import Extractor, extractor_for, small_image_features
from mintage.runs.errors import RunError

NAMES = ("auto", "small", "inception", "mobilenet")


def extractor_named(name: str, spec: DataSpec, weights: Path | None = None) -> Extractor:
    """The extractor of this name for data of this spec.

    Raises:
        RunError: no such name, weights that are missing, not wanted or damaged, or data it is not for.
    """
    if ":" in name:
        return _own(name)
    if name not in NAMES:
        from difflib import get_close_matches

        near = get_close_matches(name, NAMES, n=1)
        raise RunError(f"there are no features {name!r}" + (f"; did you mean {near[0]!r}?" if near else ";")
                       + f" There are {', '.join(NAMES)}, or your own as package.module:function")
    if name in ("small", "inception", "mobilenet") and spec.kind != "image":
        raise RunError(f"{name} features are for images, and these are {spec.kind}; leave --features out")
    if name in ("auto", "small"):
        if weights is not None:
            raise RunError(f"--weights is for --features inception or mobilenet; {name} features need none")
        return extractor_for(spec) if name == "auto" else small_image_features()
    if weights is None:
        raise RunError(f"{name} features need the file of their weights: --weights FILE "
                       + ("(torch-fidelity's weights-inception-2015-12-05-6726825d.pth, or NVIDIA's TorchScript file)"
                          if name == "inception" else "(a .safetensors file)"))
    return _by_weights(name, weights)


def _by_weights(name: str, weights: Path) -> Extractor:
    from mintage.evaluation.features.inception import inception_features
    from mintage.evaluation.features.mobilenet import mobilenet_features

    make: Callable[[Path], Extractor] = inception_features if name == "inception" else mobilenet_features
    if not weights.is_file():
        raise RunError(f"there is no file {weights}")
    try:
        return make(weights)
    except ValueError as error:
        raise RunError(str(error)) from None


def _own(name: str) -> Extractor:
    module, _, function = name.partition(":")
    try:
        found = getattr(import_module(module), function)()
    except (ImportError, AttributeError) as error:
        raise RunError(f"--features {name}: {error}. Give package.module:function of something that can be imported "
                       "here") from None
    if not isinstance(found, Extractor):
        raise RunError(f"--features {name} returned {type(found).__name__}; it must return a mintage.evaluation."
                       "Extractor, as module_features(module, name, dim) makes")
    return found
