"""Our measures against torch-fidelity and clean-fid, on the same features.

    python benchmarks/reference_measures.py [--packages FOLDER] [--out results/reference-measures.json]

Both need torchvision, which mintage does not; so they are no part of the tests (torchmetrics, prdc and POT are:
tests/evaluation/test_references.py). Install them beside mintage, without what they drag in:

    pip install --no-deps --target FOLDER torch-fidelity clean-fid torchvision==0.28.0 requests urllib3 certifi idna \\
        charset-normalizer tqdm

With torch for the CPU, torchvision's compiled part does not load; the two operators that its Python part asks for are
declared here, and nothing calls them. What does not import is skipped, and the reason is written down.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import metadata
from typing import Any, NamedTuple

import recording
import torch
from torch import Tensor

from mintage.evaluation.measures.frechet import frechet_distance
from mintage.evaluation.measures.inception_score import inception_score
from mintage.evaluation.measures.kernel_distance import kernel_distance, mmd2
from mintage.evaluation.measures.neighbours import precision_recall_density_coverage
from mintage.lab.outcome import Finding, Table

N, D, SUBSETS = 2000, 128, 50
TOLERANCE = 1e-4


class Pair(NamedTuple):
    """One measure twice; `error` is the standard error where the reference takes sub-samples, 0 where it does not."""

    measure: str
    ours: float
    theirs: float
    error: float = 0.0

    def told(self, reference: str) -> dict[str, object]:
        difference = abs(self.ours - self.theirs)
        relative = difference / abs(self.theirs) if self.theirs else difference
        agrees = difference <= 3 * self.error if self.error else relative <= TOLERANCE
        return {"reference": reference, **self._asdict(), "relative_difference": relative, "agrees": agrees}


def features() -> tuple[Tensor, Tensor, Tensor]:
    """Real and fake [N, D], correlated, positive and skewed as a network's are, and logits [N, 10]."""
    g = torch.Generator().manual_seed(0)
    mix = torch.randn(D, D, generator=g) / D**0.5
    real = (torch.randn(N, D, generator=g) @ mix).relu()
    fake = (1.03 * torch.randn(N, D, generator=g) @ mix + 0.05).relu()
    return real, fake, 2 * torch.randn(N, 10, generator=g)


def fidelity() -> Iterator[Pair]:
    """torch-fidelity: every measure it has, from its own functions on features."""
    fid, kid, isc, prc = (importlib.import_module(f"torch_fidelity.metric_{name}")
                          for name in ("fid", "kid", "isc", "prc"))
    real, fake, logits = features()
    theirs = fid.fid_statistics_to_metric(*map(fid.fid_features_to_statistics, (real, fake)), verbose=False)
    yield Pair("frechet", frechet_distance(real, fake), theirs["frechet_inception_distance"])
    few = real[: D // 2], fake[: D // 2]
    theirs = fid.fid_statistics_to_metric(*map(fid.fid_features_to_statistics, few), verbose=False)
    yield Pair("frechet, not of full rank", frechet_distance(*few), theirs["frechet_inception_distance"])
    theirs = kid.kid_features_to_metric(real.double(), fake.double(), kid_subsets=1, kid_subset_size=N, verbose=False)
    yield Pair("kernel distance", mmd2(real, fake), theirs["kernel_inception_distance_mean"])
    theirs = kid.kid_features_to_metric(real.double(), fake.double(), kid_subsets=SUBSETS, kid_subset_size=N // 4,
                                        verbose=False)
    yield Pair("kernel distance, subsets", kernel_distance(real, fake).distance,
               theirs["kernel_inception_distance_mean"], theirs["kernel_inception_distance_std"] / SUBSETS**0.5)
    theirs = isc.isc_features_to_metric(logits.double(), splits=10, shuffle=False)
    ours = inception_score(logits)
    yield Pair("inception score", ours.score, theirs["inception_score_mean"])
    yield Pair("inception score, spread", ours.spread, theirs["inception_score_std"])
    theirs = prc.calculate_precision_recall_full(fake.double(), real.double(), neighborhood=3)
    shares = precision_recall_density_coverage(real, fake, k=3)
    for name, share, value in zip(("precision", "recall"), shares, theirs, strict=False):
        yield Pair(name, share, float(value))


def clean() -> Iterator[Pair]:
    """clean-fid: the two distances it has, on features."""
    fid = importlib.import_module("cleanfid.fid")
    real, fake, _ = features()
    wide = real.double().numpy(), fake.double().numpy()
    yield Pair("frechet", frechet_distance(real, fake), float(fid.fid_from_feats(*wide)))
    whole = fid.kernel_distance(*wide, num_subsets=1, max_subset_size=N)
    yield Pair("kernel distance", mmd2(real, fake), float(whole))


HELD: list[torch.library.Library] = []  # declarations last as long as their library
REFERENCES: dict[str, Callable[[], Iterator[Pair]]] = {"torch-fidelity": fidelity, "clean-fid": clean}


def declare_operators() -> None:
    """What torchvision's Python part asks of its compiled part at import."""
    HELD.append(torch.library.Library("torchvision", "DEF"))
    for name in ("nms", "qnms"):
        HELD[0].define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", help="a folder with torch-fidelity and clean-fid")
    told = parser.parse_args()
    if told.packages:
        sys.path.append(told.packages)
    with suppress(OSError, ImportError):
        if _torchvision_is_broken():
            declare_operators()
    rows, skipped, versions = [], {}, {"python": platform.python_version(), "torch": torch.__version__}
    for name, pairs in REFERENCES.items():
        try:
            rows += [pair.told(name) for pair in pairs()]
            versions[name] = metadata.version(name)
        except (ImportError, RuntimeError, OSError, TypeError) as error:
            skipped[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"skipped {name}: {skipped[name]}")
    for row in rows:
        print(f"{row['reference']:15} {row['measure']:26} {row['ours']:.10g} {row['theirs']:.10g} "
              f"{row['relative_difference']:.1e} {'' if row['agrees'] else 'DIFFERS'}")
    if rows:
        tell(rows, versions, skipped)


def tell(rows: list[dict[str, Any]], versions: dict[str, str], skipped: dict[str, str]) -> None:
    """Write the record."""
    findings = [Finding(f"{row['measure']} against {row['reference']}, relative difference",
                        f"≤ {TOLERANCE:g}" if not row["error"] else "within 3 standard errors",
                        row["relative_difference"], bool(row["agrees"])) for row in rows]
    header = ["reference", "measure", "ours", "theirs"]
    recording.write(
        "reference-measures", "measures equal the reference implementations on the same features", findings,
        tables=[Table("Figures", header, [[row[key] for key in header] for row in rows])],
        reading=f"{N:,} examples of {D} features; {', '.join(f'{k} {v}' for k, v in versions.items())}."
                + "".join(f" Skipped: {k} ({v})." for k, v in skipped.items()),
        command="python benchmarks/reference_measures.py --packages FOLDER", seconds=0.0)


def _torchvision_is_broken() -> bool:
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # half imported
        return True
    return False


if __name__ == "__main__":
    main()
