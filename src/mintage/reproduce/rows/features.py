"""The critic as a representation: a linear probe on what its last layer reads, with 10 labels a class of Fashion-MNIST.

The same labels, the same probe (ridge, its strength chosen by leaving one out among those labels alone) and the same
standardisation for pixels and for features; ten draws of labels for each critic. The critic has seen no label.

References:
    Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks (Radford et al., 2016),
    section 5. https://arxiv.org/abs/1511.06434
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from mintage.evaluation.probe import few_of_each, linear_probe
from mintage.game import generator
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.reproduce.figures import opened
from mintage.reproduce.row import Arm, Figures, Found, Row
from mintage.reproduce.training import Training
from mintage.runs.building import game_of
from mintage.runs.folder import Run
from mintage.runs.representing import critic_of, represent

EACH, DRAWS, TESTED = 10, 10, 5_000


def probes(run: Run, seed: int) -> Figures:
    """Accuracy on 5,000 test images, mean of ten draws: features, pixels, an untrained critic's; draws won."""
    source, D = run.settings.data.source, critic_of(run)
    ours, pixels = each_draw(D, source), plain(source)
    start: Any = game_of(run.settings).current.nets
    return {"features": sum(ours) / DRAWS, "pixels": sum(pixels) / DRAWS,
            "untrained": sum(each_draw(start.D, source)) / DRAWS,
            "draws won": float(sum(a > b for a, b in zip(ours, pixels, strict=True)))}


def each_draw(D: nn.Module, source: str) -> list[float]:
    """The accuracy with each draw of labels."""
    few, test, t = chosen(source)
    seen = represent(D, test)
    return [linear_probe(represent(D, x), y, int(t.max()) + 1).accuracy(seen, t) for x, y in few]


@cache
def chosen(source: str) -> tuple[list[tuple[Tensor, Tensor]], Tensor, Tensor]:
    """The draws of labelled examples, and the test images with their classes: the same for every critic."""
    train, test = opened(source, "train"), opened(source, "test").gather(torch.arange(TESTED))
    labels = torch.as_tensor(train.labels)
    few = [train.gather(few_of_each(labels, EACH, generator("few labels", k))) for k in range(DRAWS)]
    return [(batch.x, torch.as_tensor(batch.y)) for batch in few], test.x, torch.as_tensor(test.y)


@cache
def plain(source: str) -> list[float]:
    """The same of the pixels themselves, draw by draw."""
    few, test, t = chosen(source)
    return [linear_probe(x, y, int(t.max()) + 1).accuracy(test, t) for x, y in few]


ARM = Arm("dcgan", Training("dcgan", "fmnist", 120_000, (probes,), judged=0))


def read(found: Found) -> Outcome:
    """Features against pixels."""
    cells = sorted(found.cells.get(ARM.name, {}).items())
    rows = [[seed, cell["features"], cell["pixels"], cell["untrained"], cell["draws won"]]
            for seed, cell in cells if "features" in cell]
    gain = found.median(ARM.name, "features") - found.median(ARM.name, "pixels")
    return Outcome(
        [Finding.at_least("accuracy with features minus accuracy with pixels, 10 labels a class", 0.0, gain),
         Finding.at_least(f"draws of labels of {DRAWS} in which features win, median", 0.8 * DRAWS,
                          found.median(ARM.name, "draws won"))],
        [Table("Accuracy on test images, mean over draws", ["seed", "features", "pixels", "untrained", "draws won"],
               rows)],
        seeds=[seed for seed, _ in cells],
        reading="One probe for both, its strength chosen from the few labels alone. A critic was trained to tell reals "
                "from fakes, not classes; what it gains here is a by-product, and `untrained` says "
                "how much of it the first weights bring.")


DECLARED = {"feature-extraction": Row("feature-extraction", "a critic's last layer tells classes better than pixels do",
                                      (ARM,), read, covers=("feature-extraction",))}
