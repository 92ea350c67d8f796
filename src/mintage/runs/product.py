"""The product of a run: `generator/`, which samples anywhere mintage is installed, without the data or the run.

    generator/model.safetensors   the averaged weights of the networks that sample
    generator/generator.json      system, options, data spec, digest of the weights
    generator/README.md           the card
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from mintage.data import DataSpec, to_uint8
from mintage.data.writing import rounded
from mintage.game import Game, Stages, generator
from mintage.runs import labels
from mintage.runs.building import build_game
from mintage.runs.captions import Captions, contents, kept
from mintage.runs.durable import new_folder, write_into
from mintage.runs.errors import RunError
from mintage.runs.folder import Run
from mintage.runs.machine import pick_device

FORMAT = 1
CHUNK = 250  # latents drawn at once
AT_ONCE = {"cuda": 8}  # such draws in one pass of the networks; on a CPU one is as fast, and takes less memory


class Generator:
    """A trained generator.

    `sample` gives arrays as people keep them; `generate` gives tensors as networks see them.
    """

    def __init__(self, game: Game | Stages, spec: DataSpec, facts: dict[str, Any],
                 captions: Captions | None = None) -> None:
        if game.sampler is None:
            raise RunError("this system is not sampled")
        self.game, self.spec, self.facts = game, spec, facts
        self.classes, self.captions = game.sampler.classes, captions

    def sample(self, n: int, *, seed: int = 0, label: str | int | None = None,
               caption: str | None = None) -> np.ndarray:
        """`n` samples: uint8 [n, H, W, C] for images (no C where it is 1), float [n, d] in the data's units for points.

        Of a generator that draws captions, samples are of `caption`, or in turn of captions held out of its training.
        The first samples of a seed are the same whatever `n`, but for the rounding of a batch of another size.
        """
        made = np.empty(0)
        at = 0
        for x in self.ready(n, seed=seed, label=label, caption=caption):
            part = to_array(x, self.spec)
            if not at:
                made = np.empty((n, *part.shape[1:]), dtype=part.dtype)
            made[at:at + len(part)] = part
            at += len(part)
        return made

    def stream(self, n: int, *, seed: int = 0, label: str | int | None = None,
               caption: str | None = None) -> Iterator[Tensor]:
        """`n` samples as network tensors on the CPU, in chunks of constant size.

        Raises:
            RunError: n below 1, or a label this generator does not have.
        """
        for x in self._chunks(n, seed, label, caption):
            yield x.cpu()

    def ready(self, n: int, *, seed: int = 0, label: str | int | None = None,
              caption: str | None = None) -> Iterator[Tensor]:
        """As `stream`, ready to be written: images as uint8 [k, C, H, W], so a quarter of the bytes leave the device.

        On CUDA a chunk is copied while the next is computed, and the host waits for neither.
        """
        chunks, waiting = self._chunks(n, seed, label, caption), deque[tuple[Tensor, torch.cuda.Event | None]]()
        for x in chunks:
            waiting.append(_leaving(rounded(x) if self.spec.kind == "image" else x))
            if len(waiting) > (waiting[-1][1] is not None):
                yield _arrived(*waiting.popleft())
        while waiting:
            yield _arrived(*waiting.popleft())

    def _chunks(self, n: int, seed: int, label: str | int | None, caption: str | None) -> Iterator[Tensor]:
        if n < 1:
            raise RunError(f"{n} samples were asked for; ask for at least 1")
        rows = self._given(caption)
        wanted = labels.read(label, self.spec.labels, self.classes, self.facts.get("shares", ()))
        sampler = self.game.sampler
        size = CHUNK * AT_ONCE.get(self.game.current.device.type, 1)
        for first in range(0, n, size):
            drawn = []
            for start in range(first, min(first + size, n), CHUNK):
                own = generator(seed, "sample", 0 if wanted.one_latent else start)
                z, y = sampler.latents(CHUNK, own)  # type: ignore[union-attr]
                z = z[:1].expand_as(z) if wanted.one_latent else z
                y = None if y is None else wanted(start, CHUNK, n, seed).to(y.device)
                drawn.append((z[:n - start], None if y is None else y[:n - start]))
            asked = [y for _, y in drawn if y is not None]
            z = torch.cat([z for z, _ in drawn])
            c = None if rows is None else rows[torch.arange(first, first + len(z)) % len(rows)]
            yield self.game.generate(z, torch.cat(asked) if asked else None, c)

    def _given(self, caption: str | None) -> Tensor | None:
        """What samples are made from, in turn: one caption, or those kept; None where they are made from nothing."""
        given = self.spec.given
        if not self.game.sampler.given or given is None:  # type: ignore[union-attr]
            if caption is not None:
                raise RunError(f"caption {caption!r} was asked for, but this generator was trained without captions")
            return None
        if self.captions is None:
            raise RunError("this generator makes images from images, and was given none; use: mintage translate RUN "
                           "FILE_OR_FOLDER")
        return self.captions.rows(caption)

    def generate(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """x = G(z, y), or G(z, y, c) for what is made from something given; float32, images in about [-1, 1]."""
        return self.game.generate(z, y, c)


def _leaving(x: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """A tensor on its way to the CPU, and the event that says it is there."""
    if x.device.type != "cuda":
        return x.cpu(), None
    host = torch.empty(x.shape, dtype=x.dtype, pin_memory=True)
    host.copy_(x, non_blocking=True)
    event = torch.cuda.Event()
    event.record(torch.cuda.current_stream(x.device))
    return host, event


def _arrived(x: Tensor, event: torch.cuda.Event | None) -> Tensor:
    if event is not None:
        event.synchronize()
    return x


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
        for name, content in contents(run.path).items():
            write_into(folder, name, content, point="generator")
        write_into(folder, "README.md", card(settings.system, settings.spec, facts).encode(), point="generator")


def load(path: str | Path, *, device: str = "cpu", precision: str = "auto") -> Generator:
    """The generator of a run, or of a `generator/` folder on its own.

    `precision` auto is the one the product was written with, fp32, on every machine, so that one seed gives the same
    samples; bf16 is up to twice as fast where the machine has it, and differs by a few grey levels.

    Raises:
        RunError: there is none, it is damaged, or a newer mintage wrote it; an unknown device or precision.
    """
    if precision not in ("auto", "fp32", "bf16"):
        raise RunError(f"the precision is {precision!r}; it is auto, fp32 or bf16")
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
    exact = body.get("precision", "fp32") if precision == "auto" else precision
    return Generator(game.to(pick_device(device), exact), spec, body, kept(folder, spec.given))


def _sampled(game: Game | Stages) -> dict[str, nn.Module]:
    """The networks that samples come from: the averaged ones, or all where a game keeps no average."""
    playing = game.current
    averaged = {name: net for average in playing.averages() for name, net in average.nets.named_children()}
    return averaged or dict(playing.nets.named_children())


def use(path: str, spec: DataSpec, n: int) -> str:
    """How a generator is used, as a block of Markdown."""
    if spec.given is not None and spec.given.kind == "image":
        return f"```\nmintage translate {path} IMAGE_OR_FOLDER\n```"
    return (f"```python\nimport mintage\n\ngenerator = mintage.load({path!r})\n"
            f"samples = generator.sample({n}, seed=0)\n```")


def card(system: str, spec: DataSpec, facts: dict[str, Any]) -> str:
    """The card of a generator, in Markdown."""
    shape = "x".join(str(side) for side in spec.shape)
    judged = "".join(f"- {line}\n" for line in facts.get("verdict_lines", []))
    classes = f", classes {', '.join(spec.labels)}" if spec.labels else ""
    return (f"# A generator made by mintage\n\nSystem `{system}`, {spec.kind} of shape {shape}{classes}; trained for "
            f"{facts['examples']:,} examples.\n\n{use('path/to/this/folder', spec, 16)}\n\n"
            f"## How it was judged\n\n{judged or 'It was not judged.'}\n")
