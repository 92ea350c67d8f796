"""The gate: may a generator be released? A rule on what it copied, repeats and gives away; not on how good it is.

Each check needs an effect that matters and, beside it, a p-value that chance does not explain; one without the other is
no reason. The limits, and why:

    LEVEL .001      a perfect generator is refused by one of the few checks in fewer than 1 of 100 releases
    CLOSE .03       samples nearer to training than 99 % of unseen examples are: three times the .01 that is expected
    LEAN .05        the share of samples that looks copied; 1 in 20 is seen by anyone who draws a sheet of samples
    FOUND 4         samples at training examples themselves, where none of as many unseen examples was: none seen leaves
                    room for 3 at 95 % (the rule of three), so four are too many
    REPEATED .005   twins among samples beyond those of real data: 1 in 200
    CROWDED .1      repeats in the samples' own units: a tenth of them is a generator with few things to say
    AUC .6, TPR .05 an attacker's success: 1/2 and .01 are none; at .05 one member in twenty is known
    SEEN .1         a copied share that the counts must be able to show (200 and 200 do), or nobody can tell

Samples that only crowd where the data lie dense (truncation does this) are close to training examples and as close to
unseen ones; so `close` needs a preference for training examples beside it. A pass says that nothing was found by these
tests in these features, not that nothing private can be learnt.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from mintage.evaluation.measures.birthday import Support, support_size
from mintage.evaluation.measures.copies import PERCENTILE, Copies, copies, sooner
from mintage.evaluation.measures.duplicates import TWIN, Duplicates, binomial_tail, duplicates
from mintage.evaluation.measures.membership import Membership, distance_attack

FORMAT = 1
LEVEL, CLOSE, LEAN, FOUND, REPEATED, CROWDED, AUC, TPR, SEEN = 0.001, 0.03, 0.05, 4, 0.005, 0.1, 0.6, 0.05, 0.1
LEAST, MEMBERS = 10, 4096
COPIED = ("Look at the closest pairs. Then train on more examples, for a shorter time or with augmentation; an earlier "
          "checkpoint often copies less.")
COLLAPSED = ("The generator has collapsed, in part at least. Take an earlier checkpoint, or train with a penalty on "
             "the critic's slope or with larger batches.")
MORE = "Draw more samples, and hold out more examples, which must be kept from training from its start."


@dataclass(frozen=True)
class Check:
    """One rule: whether it is kept (None: cannot tell), its figure beside its limit, a sentence, and what to do."""

    name: str
    passed: bool | None
    value: float | None
    limit: float
    p_value: float | None
    says: str
    do: str = ""


@dataclass(frozen=True)
class Gate:
    """All rules. `passed` is False where one is broken, else None where one could not be told, else True."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool | None:
        found = {check.passed for check in self.checks}
        return False if False in found else None if None in found or not found else True

    @property
    def reasons(self) -> list[str]:
        """Why it did not pass, what is broken before what cannot be told; empty where it did."""
        return [check.says for verdict in (False, None) for check in self.checks if check.passed is verdict]

    @property
    def advice(self) -> list[str]:
        """What to do, each once."""
        return list(dict.fromkeys(check.do for check in self.checks if check.do))

    def lines(self) -> list[str]:
        """The gate for reading: the verdict, one check a line, and what to do."""
        word = {True: "passed", False: "REFUSED", None: "cannot tell"}
        return [f"Release: {word[self.passed]}", *(f"{word[c.passed]:12} {c.name}: {c.says}" for c in self.checks),
                *self.advice]

    def to_json(self) -> dict[str, Any]:
        """A dict that json.dumps accepts; all but the checks is for readers, and computed anew when read."""
        return {"format": FORMAT, "passed": self.passed, "reasons": self.reasons,
                "advice": self.advice, "checks": [asdict(check) for check in self.checks]}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Gate:
        """The inverse of to_json; ValueError for another format, or for what is no gate."""
        if values.get("format") != FORMAT:
            raise ValueError(f"a gate of format {FORMAT} was expected, received {values.get('format')!r}; judge again.")
        try:
            gate = cls(tuple(Check(**check) for check in values["checks"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no gate: {error}; judge again.") from None
        if any(check.passed not in (True, False, None) for check in gate.checks) or gate.passed != values.get("passed"):
            raise ValueError("this gate's verdict and its checks differ: the file was changed. Judge again.")
        return gate


def gate_of(generated: Tensor, held_out: Tensor, train: Tensor, *, files: tuple[Tensor, Tensor] | None = None,
            sampled: tuple[Tensor, Tensor] | None = None, unseen: tuple[Tensor, Tensor] | None = None,
            searched: float = 1.0, seed: int = 0) -> Gate:
    """The gate from features generated [n, d], held_out [m, d] and train [b, d], by all checks.

    Args:
        files: (samples, held-out examples) behind the features, for repeats that are exact in a file.
        sampled, unseen: nearest(generated, train) and nearest(held_out, train), where they are known.
        searched: the share of the whole training set that `train` is; copies of the rest go unseen.

    Raises:
        ValueError: unlike dimensions, values not finite, or a share not above 0 and up to 1. Too few examples are no
            error but a gate that cannot tell.
    """
    counts = (len(generated), len(held_out), len(train))
    if min(counts) < LEAST:
        return Gate((_evidence(counts, searched),))
    found = copies(generated, held_out, train, seed=seed, sampled=sampled, unseen=unseen)
    repeats = duplicates(generated, held_out, files=files, seed=seed)
    alike = TWIN * repeats.distance
    g = torch.Generator().manual_seed(seed)
    members = train[torch.randperm(len(train), generator=g)[:MEMBERS].to(train.device)]
    return gate(found, repeats, membership=distance_attack(members, held_out, generated, seed=seed),
                support=(support_size(generated, alike=alike), support_size(held_out, alike=alike)), searched=searched)


def gate(found: Copies, repeats: Duplicates, *, membership: Membership | None = None,
         support: tuple[Support, Support] | None = None, searched: float = 1.0) -> Gate:
    """The gate from figures already made.

    `support` is of samples and of held-out examples, pairs counted within a quarter of `repeats.distance`.
    """
    checks = [_evidence(found.counts, searched), _copied(found), _close(found), _lean(found), _repeated(repeats)]
    checks += [] if support is None else [_supported(*support, found.counts[2])]
    checks += [] if membership is None else [_private(membership)]
    return Gate(tuple(checks))


def detectable(n: int, m: int) -> float:
    """The least copied share that n samples beside m held-out examples show at LEVEL, 39 times of 40; else 1."""
    rank = max(1, round(PERCENTILE * m))
    for s in (k / 200 for k in range(1, 200)):
        mean = n * (s + rank / (m + 1) * (1 - s))
        if sooner(int(mean - 2 * math.sqrt(n * s * (1 - s))), n, rank, m) <= LEVEL:
            return s
    return 1.0


def _evidence(counts: tuple[int, int, int], searched: float) -> Check:
    n, m, b = counts
    if not 0 < searched <= 1:
        raise ValueError(f"searched is {searched}; it is the searched share of the training set, above 0 and up to 1.")
    s = 1.0 if min(counts) < LEAST else min(1.0, detectable(n, m) / searched)
    asked = f"{n} samples and {m} held-out examples against {b} training examples ({searched:.0%} of them)"
    if s <= SEEN:
        return Check("evidence", True, s, SEEN, None, f"{asked} show copying of {s:.1%} of the samples or more.")
    needed = next((k for k in (200, 400, 800, 1600, 3200, 6400) if detectable(k, k) <= SEEN * searched), 6400)
    search = " Search more of the training set." if searched < 1 else ""
    return Check("evidence", None, s, SEEN, None, f"too little to tell: {asked} would show copying only of {s:.0%} of "
                 "the samples or more.", f"{MORE} {needed} of either are enough.{search}")


def _copied(found: Copies) -> Check:
    n, m, _ = found.counts
    c, h = found.copied, found.copied_unseen
    expected = h * n / m
    p = binomial_tail(c, c + h, n / (n + m))
    limit = max(FOUND, math.ceil(FOUND * n / m)) if h == 0 else 1.25 * expected
    broken = c >= limit and (h == 0 or p <= LEVEL)
    return Check("exact copies", not broken, c, limit, p,
                 f"{c} of {n} samples are training examples to the eye; of fresh real data {expected:.1f} would be.",
                 COPIED if broken else "Look at the closest pairs." if c > expected else "")


def _close(found: Copies) -> Check:
    close, lean = found.close, found.lean
    passed: bool | None = True
    says = f"{close.value:.1%} of the samples are nearer to a training example than 99 % of unseen examples are; " \
           f"{close.expected:.1%} would be by chance."
    if close.value >= CLOSE and close.p_value <= LEVEL:
        if lean.close_p_value <= LEVEL:
            passed, says = False, f"{says} They keep to training examples rather than to held-out ones."
        elif lean.close_least <= LEVEL:
            says = f"{says} But held-out examples are as often so near: they crowd where the data lie dense."
        else:
            passed, says = None, f"{says} Whether they copy, or crowd where the data lie dense, cannot be told."
    return Check("close to training", passed, close.value, CLOSE, close.p_value, says,
                 {True: "", False: COPIED, None: MORE}[passed])


def _lean(found: Copies) -> Check:
    value, p = found.lean.value, found.lean.p_value
    broken = value >= LEAN and p <= LEVEL
    says = "the real example nearest to a sample is a training one no more often than chance explains."
    if p <= LEVEL:
        says = (f"about {value:.1%} of the samples look copied: by so much more often is the nearest real example a "
                "training one than chance explains.")
    return Check("leaning to training", not broken, value, LEAN, p, says, COPIED if broken else "")


def _repeated(d: Duplicates) -> Check:
    twins, crowded = (d.twins - d.twins_expected) / d.n, (d.crowded - d.near_expected) / d.n
    exact = d.exact > d.exact_most and d.exact - 2 * d.exact_expected >= REPEATED * d.n
    broken = exact or twins >= REPEATED and d.twins_p_value <= LEVEL
    if not broken and crowded >= CROWDED and d.crowded_p_value <= LEVEL:
        says = f"{d.crowded} of {d.n} samples lie in tight groups; {d.near_expected} of real data do."
        return Check("repeats", False, crowded, CROWDED, d.crowded_p_value, says, COLLAPSED)
    says = (f"{d.twins} of {d.n} samples repeat another one ({d.twins_expected} of real data do), {d.exact} of all "
            f"exactly ({d.exact_expected:.1f}).")
    return Check("repeats", not broken, max(twins, d.exact / d.n), REPEATED, d.twins_p_value, says,
                 COLLAPSED if broken else "")


def _supported(support: Support, real: Support, train: int) -> Check:
    most = support.high if math.isfinite(support.high) else None
    limit = min(train, real.low / 2)  # data that repeat themselves have a small support, and their samples may
    broken = most is not None and most < limit
    size = f"about {support.size:.0f} different samples" if support.pairs else "no two samples are alike"
    says = f"{size}; at least {support.low:.0f} different ones by the birthday test of {support.n} samples."
    if broken:
        says += f" That is fewer than the {train} training examples, and than half of what real data have."
    return Check("support", not broken, most, limit, None, says, COLLAPSED if broken else "")


def _private(m: Membership) -> Check:
    known = m.tpr >= TPR and m.tpr_p_value <= LEVEL
    broken = m.auc >= AUC and m.p_value <= LEVEL or known
    says = (f"from the samples an attacker tells training examples from unseen ones with AUC {m.auc:.3f} "
            f"({m.low:.3f} to {m.high:.3f}; .5 is chance) and knows {m.tpr:.1%} of them at 1 % false alarms.")
    return Check("membership", not broken, m.tpr if known else m.auc, TPR if known else AUC,
                 m.tpr_p_value if known else m.p_value, says, COPIED if broken else "")
