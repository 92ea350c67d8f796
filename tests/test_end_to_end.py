"""The main job, small: from data to samples that a classifier recognises, in under a minute."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

import mintage


def test_digits_are_recognised(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    images, labels = load_digits(return_X_y=True)
    classifier = LogisticRegression(max_iter=3000).fit(images[:1200] / 16, labels[:1200])
    assert classifier.score(images[1200:] / 16, labels[1200:]) > 0.9

    start = time.perf_counter()
    run = mintage.train("digits", examples=20_000, seed=0, out=tmp_path / "digits")
    samples = mintage.load(run).sample(300, seed=0)
    assert time.perf_counter() - start < 60

    assert samples.shape == (300, 8, 8) and samples.dtype == np.uint8
    chances = classifier.predict_proba(samples.reshape(300, 64) / 255)
    shares = np.bincount(chances.argmax(1), minlength=10) / 300
    assert (chances.max(1) >= 0.8).mean() >= 0.6
    assert shares.min() > 0 and shares.max() < 0.3
    page = (tmp_path / "digits" / "report.html").read_text()
    assert page.count("data:image/png") > 10 and "http://" not in page and "https://" not in page
