"""The latent space of a trained generator, opened for looking: latents in, examples out, and back.

z [N, d] latents, y [N] classes or [N, K] weights of classes, x [N, C, H, W]. A generator is frozen when it is opened:
evaluation mode, no gradients in its weights, so that the same latents give the same examples.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from mintage import latent
from mintage.evaluation import unrounded_image_features
from mintage.evaluation.probe import linear_probe
from mintage.game import generator
from mintage.networks import first_layer
from mintage.runs import product
from mintage.runs.building import examples_of
from mintage.runs.errors import RunError
from mintage.runs.folder import Run

AT_ONCE = 64
CLASSIFIED = 3000  # samples that are given a class where there is no encoder
REAL = 3000  # real examples that the classes are learned from
WEIGHT = 0.002  # of the features' error, whose numbers have deviation 1, beside that of pixels
SURE = 0.5  # share of a class's samples, the surest, that its mean code is taken over
FEATURES = unrounded_image_features()


class Latents:
    """A generator's latent space.

    Raises:
        RunError: it is sampled from something given, or it makes points.
    """

    def __init__(self, made: product.Generator, place: Path) -> None:
        sampler = made.game.sampler
        if sampler is None or sampler.given:
            raise RunError("this generator makes images from what it is given, so it has no latent space to explore; "
                           "use: mintage translate RUN FILE_OR_FOLDER")
        if made.spec.kind != "image":
            raise RunError(f"these samples are {made.spec.kind} and exploring shows images; "
                           "use: mintage sample RUN --n 2000")
        self.made, self.spec, self.sampler, self.place = made, made.spec, sampler, place
        self.names, self.classes = made.spec.labels, made.classes
        self.device = made.game.current.device
        self.nets = made.game.current.mean_nets
        for net in vars(self.nets).values():
            net.eval().requires_grad_(False)
        self._labelled: dict[int, tuple[Tensor, Tensor]] = {}
        self.system = import_module(f"mintage.systems.{made.facts['system']}")

    @property
    def normal(self) -> bool:
        """Whether latents are standard normal."""
        return getattr(self.sampler.prior, "name", "") == "normal"

    @property
    def path(self) -> Any:
        """The way between latents: along the sphere where they are normal, else straight."""
        return latent.slerp if self.normal else latent.linear

    def draw(self, n: int, *key: Any) -> Tensor:
        """n latents for this key."""
        return self.sampler.prior(n, generator("explore", *key, device=self.device))

    def label(self, n: int, k: int = 0) -> Tensor | None:
        """n times the class k; None where there are no classes."""
        return torch.full((n,), k, device=self.device) if self.classes else None

    def evenly(self, n: int) -> Tensor | None:
        """The classes in turn; None where there are none."""
        return torch.arange(n, device=self.device) % self.classes if self.classes else None

    def make(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Examples on the CPU."""
        with torch.no_grad():
            return torch.cat([self.flow(part, None if y is None else y[at * AT_ONCE:(at + 1) * AT_ONCE]).cpu()
                              for at, part in enumerate(z.split(AT_ONCE))])

    def flow(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Examples on the device, differentiable in z."""
        return self.sampler(self.nets, z, y).float()

    # -- back to latents -----------------------------------------------------------------------------------------

    def encode(self, x: Tensor) -> Tensor | None:
        """Latents of examples, by the system's encoder; None where it has none, or the product does not carry it."""
        function = getattr(self.system, "encode", None)
        averaged = {name: net for average in self.made.game.current.averages()
                    for name, net in average.nets.named_children()}
        carried = SimpleNamespace(**averaged) if averaged else self.nets  # the weights that a product has
        if function is None:
            return None
        try:
            with torch.no_grad():
                z = torch.cat([function(carried, part.to(self.device)) for part in x.split(AT_ONCE)])
        except AttributeError:
            return None
        return z if z.shape[1:] == self.draw(1).shape[1:] else None

    def invert(self, x: Tensor, *, steps: int = 200, seed: int = 0) -> tuple[latent.Inverted, Tensor, Tensor | None]:
        """(latents with errors, the latents it began at, the classes) of images [N, C, H, W].

        It begins where the encoder says, or at the best of 500 samples, in pixels and features.
        """
        features, x = seen, x.to(self.device)
        y, start = None, self.encode(x)
        if start is None or self.classes:
            z, labels = self.draw(500, "candidates", seed), self.evenly(500)
            pairs = torch.cat([z, labels[:, None].to(z)], 1) if labels is not None else z
            made = self.make(z, labels).to(self.device)
            found = latent.best_start(lambda _: made, x, pairs, features=features, weight=WEIGHT)
            y = found[:, -1].long() if labels is not None else None
            start = found[:, :z.shape[1]] if start is None else start
        return (latent.invert(lambda z: self.flow(z, y), x, start, features=features, weight=WEIGHT,
                              keep=0.01 if self.normal else 0.0, steps=steps), start, y)

    # -- codes of classes ----------------------------------------------------------------------------------------

    def class_codes(self, seed: int) -> dict[str, Tensor]:
        """The mean code of every class: of encoded real examples, or of samples that a probe on real ones names.

        Raises:
            RunError: no labels, or the run's data are not at hand.
        """
        z, y = self.labelled(seed)
        return latent.mean_codes(z, self.names, y)

    def labelled(self, seed: int) -> tuple[Tensor, Tensor]:
        """Codes [N, d] with classes [N], found once; of samples only the surest half of each class."""
        if seed not in self._labelled:
            self._labelled[seed] = self._found(seed)
        return self._labelled[seed]

    def _found(self, seed: int) -> tuple[Tensor, Tensor]:
        if len(self.names) < 2:
            raise RunError("these data have no classes by which codes could be named; give files instead of names")
        if not (self.place / "settings.json").exists():
            raise RunError(f"codes of classes are found with the training examples, which a run knows; {self.place} is "
                           "a generator alone")
        train, _ = examples_of(Run.open(self.place).settings)
        order = torch.randperm(len(train), generator=generator("explore", "real", seed))[:REAL]
        real = train.gather(order)
        codes, named = self.encode(real.x), torch.as_tensor(real.y)
        if codes is not None:
            return codes, named.to(self.device)
        probe = linear_probe(FEATURES(real.x), named, len(self.names))
        z = self.draw(CLASSIFIED, "classified", seed)
        scores = probe.scores(FEATURES(self.make(z)))
        sure, y = scores.max(1)
        keep = torch.zeros(len(y), dtype=torch.bool)
        for k in range(len(self.names)):
            own = torch.nonzero(y == k)[:, 0]
            keep[own[sure[own].argsort(descending=True)[:max(1, int(SURE * len(own)))]]] = True
        return z[keep.to(z.device)], y[keep].to(z.device)

    # -- directions ----------------------------------------------------------------------------------------------

    def directions(self, k: int, seed: int) -> tuple[latent.Directions, str]:
        """k directions and how they were found: of the first layer where it is affine in z, else of features."""
        k = min(k, self.draw(1).shape[1])
        A = self.first_map(seed)
        if A is not None:
            return latent.of_weights(A, k), "of the first layer's weights"
        z = self.draw(600, "spread", seed)
        found = FEATURES(self.make(z, self.label(600)).to(self.device))
        return latent.of_features(z, found, k), "of the spread of features over 600 samples"

    @torch.no_grad()
    def first_map(self, seed: int) -> Tensor | None:
        """A [out, d] of a first layer A z + b, however z reaches it; None where it is not affine in z."""
        d = self.draw(1).shape[1]
        G: nn.Module | None = getattr(self.nets, "G", None)
        if G is None or hasattr(G, "mapping"):
            return None
        held: list[Tensor] = []
        probes = torch.cat([torch.zeros(1, d, device=self.device), torch.eye(d, device=self.device),
                            self.draw(4, "affine", seed)])
        try:
            layer = G.get_submodule(first_layer(G, probes[:2], self.label(2)))
            handle = layer.register_forward_hook(lambda module, inputs, out: held.append(out.flatten(1)))
            self.flow(probes, self.label(len(probes)))
            handle.remove()
        except (StopIteration, TypeError, ValueError, RuntimeError):
            return None
        out = torch.cat(held)
        if len(out) != len(probes):
            return None
        A, b = (out[1:d + 1] - out[:1]).T, out[0]
        told, expected = out[d + 1:], probes[d + 1:] @ A.T + b
        return A if bool((told - expected).norm() <= 1e-3 * told.norm()) else None


def seen(x: Tensor) -> Tensor:
    """Features of images, not rounded, with gradients.   [N, C, H, W] -> [N, 128]."""
    found = FEATURES.embed(x)
    return found if isinstance(found, Tensor) else found.features
