"""The lab: every claim of the lectures, and of the papers they stand on, as an experiment with a number.

`EXPERIMENTS` lists them: name -> the claim. An experiment is a file of this room with a function of the same name
(hyphens become underscores) that takes a `Bench` and returns an `Outcome`: findings (expected, measured, holds),
tables, and a figure a lecturer would show.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module

from mintage.lab.bench import Bench as Bench
from mintage.lab.outcome import Finding as Finding
from mintage.lab.outcome import LabError as LabError
from mintage.lab.outcome import Outcome as Outcome
from mintage.lab.outcome import Table as Table

EXPERIMENTS: dict[str, str] = {
    "dirac-gan": "unregularised GANs circle their equilibrium; penalties, noise and better rules make them converge",
    "generator-objectives": "minimax and maximum likelihood are flat where a sample is likely fake; the heuristic is "
                            "not",
    "optimal-discriminator": "the best discriminator is p_data / (p_data + p_model), and its value tells the "
                             "Jensen-Shannon divergence",
    "quantile": "a generator of one uniform number learns the quantile function",
    "latent-dimension": "one latent number is enough in theory; in practice the map is ugly: raise the latent "
                        "dimension",
    "mode-collapse": "a plain GAN loses modes; remedies bring all of them back",
    "objectives-on-the-ring": "every objective on the ring of eight Gaussians: modes, quality, cost",
    "vanishing-gradients": "the better the discriminator, the smaller the minimax gradient; other objectives keep "
                           "theirs",
    "low-dimensional-support": "disjoint manifolds are easily told apart, and then the generator's gradient dies",
    "balance": "running the critic more often or making it larger; smooth labels rather than a weaker critic",
}


def find(name: str) -> Callable[[Bench], Outcome]:
    """The function of an experiment.

    Raises:
        LabError: there is none of this name; the nearest is named.
    """
    if name not in EXPERIMENTS:
        near = get_close_matches(name.lower().replace("_", "-"), EXPERIMENTS, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise LabError(f"there is no experiment {name!r}. {hint}There are: {', '.join(EXPERIMENTS)}")
    stem = name.replace("-", "_")
    return getattr(import_module(f"mintage.lab.{stem}"), stem)
