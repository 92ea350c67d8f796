"""Table features: one deviation of one column is a distance of 1, in every kind of column."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mintage.data.tables import Column, Table
from mintage.evaluation.features.table_features import MOST_PLACES, table_features

RNG = np.random.default_rng(0)
N = 4000
X = RNG.normal(10, 3, N)
GAIN = np.where(RNG.random(N) < 0.92, 0.0, np.exp(RNG.normal(8, 1, N)))
AGE = np.where(RNG.random(N) < 0.1, np.nan, RNG.integers(20, 60, N).astype(float))
JOB = RNG.choice(3, N, p=[0.6, 0.3, 0.1])
JOBS = ("clerk", "cook", "smith")
TABLE = Table("people", (Column("x", X), Column("gain", GAIN), Column("age", AGE), Column("job", JOB, JOBS)))


def row(x=10.0, gain=0.0, age=40.0, job=0) -> Table:
    return Table("one", (Column("x", np.array([x])), Column("gain", np.array([gain])), Column("age", np.array([age])),
                         Column("job", np.array([job]), JOBS)))


def test_the_reference_is_standardised():
    encode, extractor = table_features(TABLE)
    f = encode(TABLE).double()
    assert f.shape == (N, 1 + 1 + 2 + 3 + 1) and encode.dim == extractor.dim == f.shape[1]
    assert f[:, :2].mean(0).abs().max() < 1e-4 and (f[:, :2].std(0) - 1).abs().max() < 1e-3
    present = ~np.isnan(AGE)
    assert abs(float(f[present, 2].mean())) < 1e-4 and (f[~present, 2] == 0).all()
    assert (f[:, 3].numpy() == ~present).all() and (f[:, -1] == 0).all()
    assert torch.equal(f[:, 4:7], torch.eye(3, dtype=torch.float64)[JOB].float().double() * float(f[:, 4:7].max()))
    assert torch.equal(extractor(encode(TABLE)), encode(TABLE))


def test_a_column_by_hand():
    encode, _ = table_features(TABLE, without=["gain", "age", "job"])
    low, centre, high = np.quantile(X, (0.25, 0.5, 0.75))
    bent = np.arcsinh((X - centre) / (high - low))
    assert np.allclose(encode(TABLE)[:, 0].numpy(), (bent - bent.mean()) / bent.std(), atol=2e-5)


def test_distances_count_alike_in_every_kind():
    encode, _ = table_features(TABLE)

    def apart(a: Table, b: Table) -> float:
        return float((encode(a) - encode(b)).norm())

    assert apart(row(x=10), row(x=13)) == pytest.approx(1, abs=0.2)
    assert apart(row(job=0), row(job=1)) == pytest.approx(1, abs=1e-6) == apart(row(job=1), row(job=2))
    for code in (3, -1):  # an unknown word, and none
        assert apart(row(job=0), row(job=code)) == pytest.approx(1, abs=1e-6)
    assert apart(row(age=float(np.nanmedian(AGE))), row(age=math.nan)) == pytest.approx(1, abs=0.01)
    assert encode(row(x=math.nan))[0, -1] == 1 and encode(row(job=3))[0, -1] == pytest.approx(math.sqrt(0.5))


def test_tails_are_bent_and_have_no_end():
    encode, _ = table_features(TABLE)
    f = encode(TABLE)[:, 1]
    assert 5 < f.max() < 0.6 * (GAIN.max() - GAIN.mean()) / GAIN.std()
    values = [encode(row(gain=value))[0, 1].item() for value in (-1e6, 0, 1e3, 1e5, 1e7, 1e9)]
    assert values == sorted(set(values))


def test_between_two_clusters_is_apart_from_both():
    two = Table("two", (Column("x", np.concatenate([RNG.normal(-10, 0.1, 500), RNG.normal(10, 0.1, 500)])),))
    encode, _ = table_features(two)
    middle = encode(Table("m", (Column("x", np.zeros(1)),)))
    assert (encode(two)[:, 0] - middle[0, 0]).abs().min() > 0.5


def test_rare_categories_share_a_place():
    codes = np.concatenate([np.arange(200), np.repeat(np.arange(10), 50)])
    table = Table("t", (Column("c", codes, tuple(f"c{k}" for k in range(200))),))
    encode, _ = table_features(table)
    f = encode(table)
    assert encode.dim == MOST_PLACES + 1 and torch.equal(f[150], f[151]) and not torch.equal(f[3], f[4])


def test_a_constant_column_and_an_offset():
    table = Table("t", (Column("k", np.full(50, 0.1234567)), Column("big", 1.234567890e9 + np.arange(50.0))))
    encode, _ = table_features(table)
    f = encode(table)
    assert torch.isfinite(f).all() and (f[:, 0] == f[0, 0]).all() and f[:, 1].std() == pytest.approx(1, abs=0.02)
    moved = encode(Table("u", (Column("k", np.full(1, 5.0)), Column("big", np.full(1, 1.234567890e9)))))
    assert 1 < float(moved[0, 0] - f[0, 0]) < 10


def test_the_digest_is_of_the_definition():
    first, again = table_features(TABLE), table_features(TABLE.take(np.arange(N)[::-1]))
    assert first[1].digest == again[1].digest and first[1].name == "mintage-table" and first[1].version == "1"
    others = [table_features(TABLE, without=["gain"]), table_features(TABLE.take(np.arange(2000)))]
    assert len({first[1].digest, *(other[1].digest for other in others)}) == 3


def test_what_does_not_fit_is_refused():
    encode, _ = table_features(TABLE)
    columns = TABLE.columns
    with pytest.raises(ValueError, match="no column 'job'"):
        encode(Table("t", columns[:3]))
    with pytest.raises(ValueError, match="'job' of t is categorical with 2 categories .*like=reference"):
        encode(Table("t", (*columns[:3], Column("job", np.zeros(N, int), ("a", "b")))))
    with pytest.raises(ValueError, match="did you mean 'gain'"):
        table_features(TABLE, without=["gains"])
    with pytest.raises(ValueError, match="no column left"):
        table_features(TABLE, without=TABLE.names)
