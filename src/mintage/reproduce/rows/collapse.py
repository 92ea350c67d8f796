"""Remedies against mode collapse: unrolling and packing against the same networks without, on the ring and on stacks.

The ring has Unrolled GAN's own rates (`unrolled_gan` with no look-ahead is the plain game) and PacGAN's two latent
dimensions, 400,000 points: few, because with twice as many the plain game has all eight modes too. Stacks of
three digits have DCGAN's pair of size XS, 148,500 examples, and 26,000 samples: modes of 1,000 and KL, beside the floor
that a perfect sampler has at that count. On stacks the published order is of PacGAN's table: unrolling finds more modes
than the plain game, packing more than unrolling.

References:
    Unrolled Generative Adversarial Networks (Metz et al., 2017). https://arxiv.org/abs/1611.02163
    PacGAN: The Power of Two Samples in Generative Adversarial Networks (Lin et al., 2018), tables 1 to 3.
    https://arxiv.org/abs/1712.04086
"""

from __future__ import annotations

from typing import Any

from mintage.lab.outcome import Cell, Finding, Outcome, Table
from mintage.reproduce.figures import mixture, stacks
from mintage.reproduce.row import Arm, Found, Row
from mintage.reproduce.training import Training

POINTS, STACKED, LONGEST = 400_000, 148_500, 900_000
PLAIN, UNROLLED, PACKED = "plain", "unrolled, 5 steps", "packed, m = 2"
GAMES: dict[str, dict[str, Any]] = {
    PLAIN: {"steps": 0}, UNROLLED: {"steps": 5},
    PACKED: {"steps": 0, "stabilise": "packing:m=2"}, "packed, m = 3": {"steps": 0, "stabilise": "packing:m=3"}}
"""Game -> the options of `unrolled_gan`; the batch divides by 2 and 3."""
PACGANS = {f"pacgan, m = {m}": {"pack": m} for m in (1, 2, 3)}
ON_POINTS = tuple(Arm(name, Training(system, "ring", POINTS, (mixture,), {"z_dim": 2, **options}, batch=126, judged=0))
                  for system, games in (("unrolled_gan", GAMES), ("pacgan", PACGANS))
                  for name, options in games.items())


def _stacks(name: str, system: str, **options: Any) -> Arm:
    return Arm(name, Training(system, "stacked-mnist", STACKED, (stacks,), {"size": "XS", **options}, batch=66,
                              judged=0))


ON_STACKS = (*(_stacks(name, "unrolled_gan", **GAMES[name]) for name in (PLAIN, UNROLLED, PACKED, "packed, m = 3")),
             _stacks("wgan-gp", "wgan_gp"), _stacks("r3gan", "r3gan", conditional=False))
MODERN = Arm("r3gan, longest", Training("r3gan", "stacked-mnist", LONGEST, (stacks,), {"conditional": False}, judged=0))


def read_points(found: Found) -> Outcome:
    """More modes than without."""
    plain = found.median(PLAIN, "modes")
    findings = [Finding.at_most("plain: modes of 8, median (the paper's collapses)", 7, plain)]
    for name, without in ((UNROLLED, PLAIN), (PACKED, PLAIN), ("pacgan, m = 2", "pacgan, m = 1")):
        modes, fewer = found.median(name, "modes"), found.median(without, "modes")
        findings.append(Finding(f"{name}: modes of 8, median", f"> {fewer:g} ({without})", modes, modes > fewer))
    header = ["game", "modes of 8, median", "each seed", "high quality %", "reverse KL"]
    rows: list[list[Cell]] = [
        [arm.name, found.median(arm.name, "modes"), ", ".join(f"{k:g}" for k in found.each(arm.name, "modes")),
         round(100 * found.median(arm.name, "high quality"), 1), round(found.median(arm.name, "reverse kl"), 4)]
        for arm in ON_POINTS]
    return Outcome(findings, [Table("The ring of 8 Gaussians, 2,500 points", header, rows)], seeds=(0, 1, 2),
                   reading="Plain, unrolled and packed are one game, whose generator learns ten times faster than the "
                           "critic. The pacgan lines have equal rates, as that paper. Equal points are not equal work: "
                           "a round that looks five steps ahead takes about eight times as long, and in that time the "
                           "plain game has all modes too.")


def read_stacks(found: Found) -> Outcome:
    """Modes and KL, and the published order."""
    modes = {arm.name: found.median(arm.name, "modes") for arm in ON_STACKS}
    findings = [
        Finding(f"{more}: modes of 1,000, median", f"> {modes[less]:g} ({less})", modes[more],
                modes[more] > modes[less]) for more, less in ((UNROLLED, PLAIN), (PACKED, PLAIN), (PACKED, UNROLLED))]
    header = ["game", "modes of 1,000, median", "each seed", "KL", "floor", "KL - floor", "confident", "n"]
    rows: list[list[Cell]] = [
        [arm.name, modes[arm.name], ", ".join(f"{k:g}" for k in found.each(arm.name, "modes")),
         *(round(found.median(arm.name, what), 4) for what in ("kl", "floor", "excess", "confident")),
         found.median(arm.name, "n")] for arm in ON_STACKS]
    return Outcome(findings, [Table(f"Stacked MNIST, {STACKED:,} examples", header, rows)], seeds=(0, 1, 2),
                   reading="All play for the same number of examples, not for the same time. Stacks are of random "
                           "digits, whose classes are not quite even, and the KL is against that target. Noise that "
                           "is read as a digit counts as a mode: see the share that is confidently read, and "
                           "the sheet: it shows which games have learnt to draw digits within the budget at all.")


def read_longest(found: Found) -> Outcome:
    """All modes, evenly."""
    name, seeds = MODERN.name, sorted(found.cells.get(MODERN.name, {}))
    rows: list[list[Cell]] = [[seed, *(found.cells[name][seed][what] for what in ("modes", "kl", "floor", "confident"))]
                              for seed in seeds if "kl" in found.cells[name][seed]]
    return Outcome(
        [Finding.at_least("r3gan: modes of 1,000", 1000, found.median(name, "modes")),
         Finding.at_most("r3gan: KL above the floor", 0.05, found.median(name, "excess"))],
        [Table(f"Stacked MNIST, {LONGEST:,} examples", ["seed", "modes", "KL", "floor", "confident"], rows)],
        seeds=seeds, reading="One seed, for as long as a quarter of an hour on two cores allows.")


DECLARED = {
    "stacked-longest": Row("stacked-longest", "the modern baseline finds all modes of stacked MNIST, evenly", (MODERN,),
                           read_longest, seeds=(0,), covers=("r3gan",)),
    "mixture-table": Row("mixture-table", "unrolled and packed games find more modes of the ring than the plain one",
                         ON_POINTS, read_points, covers=("unrolled", "pacgan")),
    "stacked-table": Row("stacked-table", "modes of stacked MNIST: plain, unrolled, packed, Wasserstein, modern",
                         ON_STACKS, read_stacks, covers=("unrolled", "pacgan")),
}
