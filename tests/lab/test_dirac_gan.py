"""The Dirac-GAN of the lab: library against theory for every objective, and the experiment from end to end."""

from __future__ import annotations

import math
from importlib import import_module

import pytest
import torch

from mintage.game import alternating, consensus, extragradient, simultaneous
from mintage.lab import Bench, dirac, dirac_theory
from mintage.lab.dirac import MEANS, MISSING, OBJECTIVES
from mintage.lab.dirac_findings import findings_of_one, slope, written
from mintage.lab.dirac_gan import CENTRED, PENALISED, RULES, at_rest, dirac_gan, one_centred, way
from mintage.lab.dirac_theory import SLOPES, closed_form, eigenvalues, field, matrix, pulled, walk
from mintage.objectives.catalogue import ADVERSARIAL


def test_the_objectives_of_logits_are_here():
    assert OBJECTIVES.keys() == SLOPES.keys() and len(OBJECTIVES) >= 16
    assert ADVERSARIAL.keys() - OBJECTIVES.keys() == {n for n in ADVERSARIAL if n.startswith("mmd")} | set(MISSING)


GOLDEN = {  # -gamma/2 +- sqrt(gamma^2/4 - c^2), from the published table
    (0.5, 0.0): 0.5j, (0.5, 0.3): -0.15 + 0.476970j, (0.5, 0.6): -0.3 + 0.4j, (0.5, 1.0): -0.5, (0.5, 2.0): -0.133975,
    (0.5, 4.0): -0.063508, (1.0, 0.0): 1j, (1.0, 0.3): -0.15 + 0.988686j, (1.0, 0.6): -0.3 + 0.953939j,
    (1.0, 1.0): -0.5 + 0.866025j, (1.0, 2.0): -1.0, (1.0, 4.0): -0.267949}


@pytest.mark.parametrize(("c", "gamma"), list(GOLDEN))
def test_golden_eigenvalues(c, gamma):
    for name in ("non-saturating", "relativistic-paired", "minimax") if c == 0.5 else ("wasserstein", "hinge",
                                                                                        "least-squares -1/1/1"):
        assert closed_form(SLOPES[name], gamma)[0] == pytest.approx(GOLDEN[c, gamma], abs=1e-6)
        make = dirac.of(name, penalties={"r1": gamma} if gamma else {})
        played = eigenvalues(dirac.jacobian_by_autograd(make).tolist())
        assert played[0] == pytest.approx(GOLDEN[c, gamma], abs=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_at_rest(name):
    rests = at_rest(name)
    assert max(rest.eigenvalues_off for rest in rests) < 1e-9 and max(rest.jacobian_off for rest in rests) < 1e-9
    assert len(rests) == len(PENALISED) + 2 * (name not in MEANS) + 2


@pytest.mark.parametrize(("sigma", "value"), [(0.5, -0.0625 + 0.496078j), (1.0, -0.25 + 0.433013j)])
def test_golden_instance_noise(sigma, value):
    for name in ("non-saturating", "relativistic-paired"):
        played = eigenvalues(dirac.jacobian_by_play(dirac.of(name, noise=sigma)).tolist())
        assert played[0] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("weight", [0.1, 2.0])
def test_consensus_moves_to_the_left(weight):
    for name, c in (("non-saturating", 0.5), ("wasserstein", 1.0)):
        played = eigenvalues(dirac.jacobian_by_play(dirac.of(name), consensus(weight)).tolist())
        assert played[0] == pytest.approx(complex(-weight * c * c, c), abs=1e-12)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_underway(name, rule):
    assert way(name, "R1 .3", rule, 15).off < 1e-12 and way(name, "none", rule, 15).off < 1e-12


@pytest.mark.parametrize(("rule", "radius"), [("optimistic", 0.2668962), ("simultaneous", 0.5211083)])
def test_golden_radii(rule, radius):
    """Those of the other rules are in tests/game/test_theory.py."""
    found = way("non-saturating", "none", rule, 500)
    assert found.radius == pytest.approx(radius, abs=5e-8) and found.off < 1e-12 and found.rounds == 500


def test_places_side_by_side_are_games_of_their_own():
    starts = [(1.0, 1.0), (0.3, -2.0), (-1.0, 0.1)]
    options = {"rule": extragradient, "penalties": {"r1": 0.5, "noise": 1.0}}
    together = dirac.trajectory(dirac.game(OBJECTIVES["hinge"], starts, **options), 9)
    for place, start in enumerate(starts):
        alone = dirac.trajectory(dirac.game(OBJECTIVES["hinge"], [start], **options), 9)
        assert torch.allclose(together[..., place], alone[..., 0], rtol=1e-13)


@pytest.mark.parametrize("setting", CENTRED, ids=str)
def test_penalties_centred_at_one_do_not_come_to_the_data(setting):
    held = one_centred(*setting, 500)
    assert held.off < 1e-12 and held.radius > 0.5 and (held.wrong is None) == (setting[2] == 0.3)
    assert all(finding.holds for finding in findings_of_one([held]))
    assert not any(finding.holds for finding in findings_of_one([held._replace(off=1e-3, radius=0.01)]))


# -- the theory by hand is itself right --------------------------------------------------------------------------


@pytest.mark.parametrize("name", SLOPES)
def test_the_slopes_by_hand_belong_together(name):
    """d'' and g'' are the slopes of d' and g'; the pull of consensus is the slope of 1/2 |v|^2; A is that of -v."""
    s, e = SLOPES[name], 1e-6
    for u in (-0.6, 0.3, 0.9):
        assert (s.d(u + e) - s.d(u - e)) / (2 * e) == pytest.approx(s.dd(u), abs=1e-8)
        assert (s.g(u + e) - s.g(u - e)) / (2 * e) == pytest.approx(s.gg(u), abs=1e-8)
    v, whole = field(s, 0.4), pulled(s, 0.4, 0.7)

    def energy(theta: float, psi: float) -> float:
        return sum(part * part for part in v(theta, psi)) / 2

    theta, psi = 0.7, -0.5
    slope_theta = (energy(theta + e, psi) - energy(theta - e, psi)) / (2 * e)
    slope_psi = (energy(theta, psi + e) - energy(theta, psi - e)) / (2 * e)
    assert whole(theta, psi)[0] == pytest.approx(v(theta, psi)[0] + 0.7 * slope_theta, abs=1e-8)
    assert whole(theta, psi)[1] == pytest.approx(v(theta, psi)[1] + 0.7 * slope_psi, abs=1e-8)
    flow = [[-(v(e, 0.0)[i] - v(-e, 0.0)[i]) / (2 * e), -(v(0.0, e)[i] - v(0.0, -e)[i]) / (2 * e)] for i in (0, 1)]
    assert torch.allclose(torch.tensor(flow), torch.tensor(matrix(s, 0.4)), atol=1e-8)


def test_the_two_ways_to_the_eigenvalues_agree():
    for s in SLOPES.values():
        for gamma, weight in [(0.0, 0.0), (0.3, 0.0), (4.0, 0.0), (0.0, 0.5), (0.0, 2.0)]:
            for a, b in zip(eigenvalues(matrix(s, gamma, weight)), closed_form(s, gamma, weight), strict=True):
                assert a == pytest.approx(b, abs=1e-7)


def test_a_walk_ends_where_it_has_diverged():
    track = walk(field(SLOPES["wasserstein"]), "simultaneous", 500, 0.1, out=2.0)
    assert len(track) == 1 + math.ceil(2 * math.log(math.sqrt(2)) / math.log(1.01)) and math.hypot(*track[-1]) > 2.0
    with pytest.raises(KeyError):
        walk(field(SLOPES["wasserstein"]), "sideways", 2, 0.1)
    assert dirac_theory.sigmoid(-800.0) == 0.0 and dirac_theory.sigmoid(800.0) == 1.0


def test_the_slope_of_a_power_is_its_exponent():
    assert slope([2.0 * max(k, 1) ** -0.5 for k in range(20_000)]) == pytest.approx(-0.5, abs=1e-3)
    assert math.isnan(slope([1.0] * 10))


def test_how_eigenvalues_are_written():
    assert written(complex(-0.15, 0.4769696)) == "-0.15 ± 0.47697i" and written(complex(-0.0, 0.0)) == "0"


def test_the_experiment_from_end_to_end(monkeypatch):
    """On two objectives, quick, with its figure."""
    few = {name: OBJECTIVES[name] for name in ("non-saturating", "wasserstein")}
    monkeypatch.setattr(import_module("mintage.lab.dirac_gan"), "OBJECTIVES", few)
    outcome = dirac_gan(Bench(quick=True))
    exact = [finding for finding in outcome.findings if "deviation" in finding.what]
    assert len(exact) == 6 + 5 + 4 + 2 and all(finding.holds for finding in exact)
    assert len(outcome.tables) == 2 and outcome.draw is not None
    drawn = outcome.draw()
    assert len(drawn.axes) == 6 and all(axis.get_xlabel() and axis.get_title() for axis in drawn.axes)


def test_the_rules_are_the_librarys():
    assert RULES["simultaneous"] is simultaneous and RULES["alternating"] is alternating
