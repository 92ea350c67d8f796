"""A folder of real photos of all kinds, some of them broken, at a size that is not a square."""

from __future__ import annotations

import io
import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mintage


@pytest.fixture
def photos(shared_data: Path, tmp_path: Path) -> Path:
    """200 photos: faces in colour and in grey, drawings with opacity, microscopy; and six files that are broken."""
    folder = tmp_path / "photos"
    folder.mkdir()
    chance = random.Random(0)
    for name, count in (("faces/lfw_3200_112px.zip", 120), ("faces/yalefaces.zip", 40),
                        ("captioned/emojione_v2_64.zip", 20)):
        with zipfile.ZipFile(shared_data / name) as archive:
            inside = sorted(n for n in archive.namelist() if n.lower().endswith((".png", ".jpg", ".jpeg")))
            for number, member in enumerate(chance.sample(inside, count)):
                suffix = Path(member).suffix
                (folder / f"{Path(name).stem}-{number}{suffix}").write_bytes(archive.read(member))
    cells = np.load(shared_data / "paired" / "dsb2018_nuclei_256.npz")["photo"]
    for number in range(20):
        Image.fromarray(cells[number]).save(folder / f"cells-{number}.webp")
    whole = io.BytesIO()
    Image.fromarray(cells[0]).save(whole, "JPEG")
    (folder / "cut.jpg").write_bytes(whole.getvalue()[:900])
    (folder / "page.jpg").write_text("<html>not found</html>")
    (folder / "empty.png").write_bytes(b"")
    for number in range(3):
        (folder / f"noise-{number}.png").write_bytes(chance.randbytes(500))
    return folder


def test_photos_at_64_by_48(photos: Path, tmp_path: Path) -> None:
    run = mintage.train(photos, resolution=(48, 64), examples=64 * 6, batch=32, precision="fp32", threads=1, size="XS",
                        out=tmp_path / "run")
    assert run.settings.spec.shape == (3, 48, 64) and run.settings.data.count == 200
    samples = mintage.load(run).sample(5)
    assert samples.shape == (5, 48, 64, 3) and samples.std() > 0
    listed = [json.loads(line) for line in (run.path / "rejects.jsonl").read_text().splitlines()]
    assert {Path(r["file"]).name for r in listed} == {"cut.jpg", "page.jpg", "empty.png", "noise-0.png", "noise-1.png",
                                                      "noise-2.png"}
    assert all(r["reason"] for r in listed)
    assert "cut.jpg" in run.report.read_text()
