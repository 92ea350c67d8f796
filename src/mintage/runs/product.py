"""The product of a run: `generator/`, which samples anywhere mintage is installed, without the data or the run.

    generator/model.safetensors   the averaged weights of the networks that sample
    generator/generator.json      system, options, data spec, digest of the weights
    generator/README.md           the card
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from mintage.data import DataSpec, to_uint8
from mintage.game import Game, Stages, generator
from mintage.runs.building import build_game
from mintage.runs.durable import new_folder, write_into
from mintage.runs.errors import RunError
from mintage.runs.folder import Run

FORMAT = 1
CHUNK = 250


class Generator:
    """A trained generator.

    `sample` gives arrays as people keep them; `generate` gives tensors as networks see them.
    """

    def __init__(self, game: Game | Stages, spec: DataSpec, facts: dict[str, Any]) -> None:
        if game.sampler is None:
            raise RunError("this system is not sampled")
        self.game, self.spec, self.facts = game, spec, facts
        self.classes = game.sampler.classes

    def sample(self, n: int, *, seed: int = 0, label: str | int | None = None) -> np.ndarray:
        """`n` samples: uint8 [n, H, W, C] for images (no C where it is 1), float [n, d] in the data's units for points.

        The first samples of a seed are the same whatever `n`, but for the rounding of a batch of another size.
        """
        return np.concatenate([to_array(x, self.spec) for x in self.stream(n, seed=seed, label=label)])

    def stream(self, n: int, *, seed: int = 0, label: str | int | None = None) -> Iterator[Tensor]:
        """`n` samples as network tensors, in chunks of constant size.

        Raises:
            RunError: n below 1, or a label this generator does not have.
        """
        if n < 1:
            raise RunError(f"{n} samples were asked for; ask for at least 1")
        wanted = self._label(label)
        for start in range(0, n, CHUNK):
            z, y = self.game.sampler.latents(CHUNK, generator(seed, "sample", start))  # type: ignore[union-attr]
            if y is not None:
                y = torch.full_like(y, wanted) if wanted is not None else (y + start) % self.classes
            yield self.game.generate(z[: n - start], None if y is None else y[: n - start]).cpu()

    def generate(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """x = G(z, y) in float32, images in about [-1, 1]."""
        return self.game.generate(z, y)

    def _label(self, label: str | int | None) -> int | None:
        if label is None:
            return None
        if not self.classes:
            raise RunError(f"label {label!r} was asked for, but this generator was trained without labels")
        names = self.spec.labels
        if str(label) in names:
            return names.index(str(label))
        if str(label).isdigit() and int(label) < self.classes:
            return int(label)
        raise RunError(f"there is no label {label!r}; there are: {', '.join(names)}")


def to_array(x: Tensor, spec: DataSpec) -> np.ndarray:
    """Samples as people keep them: see `Generator.sample`."""
    if spec.kind == "image":
        pixels = to_uint8(x).permute(0, 2, 3, 1).numpy()
        return pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return (x * torch.tensor(spec.scale) + torch.tensor(spec.centre)).numpy()


def export(run: Run, game: Game | Stages, facts: dict[str, Any]) -> None:
    """Write `generator/` from the averaged weights of `game`."""
    settings = run.settings
    weights = {f"{name}/{key}": tensor.detach().cpu().contiguous() for name, net in _sampled(game).items()
               for key, tensor in net.state_dict().items()}
    data = safetensors.torch.save(weights)
    body = {"format": FORMAT, "mintage": settings.version, "system": settings.system, "options": settings.options,
            "spec": settings.spec.to_json(), "precision": "fp32", "sha256": sha256(data).hexdigest(), **facts}
    with new_folder(run.generator, point="generator") as folder:
        write_into(folder, "model.safetensors", data, point="generator")
        write_into(folder, "generator.json", json.dumps(body, indent=2, allow_nan=False).encode(), point="generator")
        write_into(folder, "README.md", card(settings.system, settings.spec, facts).encode(), point="generator")


def load(path: str | Path, *, device: str = "cpu") -> Generator:
    """The generator of a run, or of a `generator/` folder on its own.

    Raises:
        RunError: there is none, it is damaged, or a newer mintage wrote it.
    """
    folder = Path(path) / "generator" if (Path(path) / "generator").is_dir() else Path(path)
    try:
        body = json.loads((folder / "generator.json").read_bytes())
        data = (folder / "model.safetensors").read_bytes()
    except OSError:
        if (Path(path) / "settings.json").exists():
            raise RunError(f"{path} has no generator yet: it is written when training ends. "
                           f"Go on with: mintage resume {path}") from None
        raise RunError(f"{path} is neither a run nor a generator folder; "
                       "a run is a folder that `mintage train` made") from None
    except ValueError:
        raise RunError(f"{folder / 'generator.json'} is damaged") from None
    if body["format"] > FORMAT:
        raise RunError(f"{folder} was written by a newer mintage ({body['mintage']}); pip install -U mintage")
    if sha256(data).hexdigest() != body["sha256"]:
        raise RunError(f"{folder / 'model.safetensors'} is damaged: its SHA-256 is not the one written beside it")
    spec = DataSpec.from_json(body["spec"])
    game = build_game(body["system"], body["options"], spec, seed=0, device="cpu", precision="fp32")
    own = {f"{name}/{key}": tensor for name, net in _sampled(game).items() for key, tensor in net.state_dict().items()}
    weights = safetensors.torch.load(data)
    if {n: t.shape for n, t in own.items()} != {n: t.shape for n, t in weights.items()}:
        raise RunError(f"the weights in {folder} do not fit the networks of {body['system']}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(weights[name])
    return Generator(game.to(device), spec, body)


def _sampled(game: Game | Stages) -> dict[str, nn.Module]:
    """The networks that samples come from: the averaged ones, or all where a game keeps no average."""
    playing = game.current
    averaged = {name: net for average in playing.averages() for name, net in average.nets.named_children()}
    return averaged or dict(playing.nets.named_children())


def card(system: str, spec: DataSpec, facts: dict[str, Any]) -> str:
    """The card of a generator, in Markdown."""
    shape = "x".join(str(side) for side in spec.shape)
    judged = "".join(f"- {line}\n" for line in facts.get("verdict_lines", []))
    classes = f", classes {', '.join(spec.labels)}" if spec.labels else ""
    return (f"# A generator made by mintage\n\nSystem `{system}`, {spec.kind} of shape {shape}{classes}; trained for "
            f"{facts['examples']:,} examples.\n\n```python\nimport mintage\n\n"
            "generator = mintage.load(\"path/to/this/folder\")\nsamples = generator.sample(16, seed=0)\n```\n\n"
            f"## How it was judged\n\n{judged or 'It was not judged.'}\n")
