"""A sitting of the human test: what the page is told, and that no answer is lost or counted twice."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path
from typing import Any

import pytest

from mintage.evaluation.measures.human import HumanScore
from mintage.runs.durable import read_lines
from mintage.runs.errors import RunError
from mintage.studio import turing
from mintage.studio.turing import Sitting, kept

from .conftest import Asking
from .sources import made_up


def test_the_page_holds_nothing_inline_and_nothing_from_elsewhere(asking: Asking) -> None:
    page = asking.ask("")[2].decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|//", page)
    script, sheet = asking.ask("turing.js")[2].decode(), asking.ask("turing.css")[2].decode()
    assert not re.search(r"innerHTML|insertAdjacent|document\.write|eval\(|https?:(?!//www\.w3\.org/2000/svg)", script)
    assert not re.search(r"@import|url\(", sheet)


def test_what_the_page_is_told_does_not_tell(asking: Asking) -> None:
    sitting = asking.sitting
    assert len({len(image) for image in sitting.images}) == 1  # noise and plain grey: the files are of one size
    assert len({image[:33] for image in sitting.images}) == 1
    assert len(set(sitting.names)) == 8 and all(len(name) >= 16 for name in sitting.names)
    state = asking.state()
    assert set(state) == {"name", "show", "n", "practice", "answered", "phase", "id", "place"}
    assert asking.ask(f"image/{state['id']}")[2] == sitting.images[0]
    for name in sitting.names[1:]:  # what comes later cannot be had early
        assert asking.ask(f"image/{name}")[0] == 404 and asking.say(name)[0] == 404


def test_a_whole_sitting(asking: Asking) -> None:
    sitting = asking.sitting
    truths = []
    for number in range(8):
        state = asking.state()
        assert asking.state() == state  # loaded again: the same image
        for _ in range(1 + number % 2):
            asking.ask(f"image/{state['id']}")
        status, told = asking.say(state["id"], "real", seconds=number / 10)
        truths.append(told["truth"])
        assert status == 200
        again = asking.say(state["id"], "fake")  # said twice: the first counts
        assert again == (200, {"truth": None, "state": told["state"]})
        assert len(read_lines(sitting.file)) == (number if number >= 2 else 0)  # kept at once; a line is about the test
    assert sorted(truths[:2]) == ["fake", "real"] and truths[2:] == [None] * 6
    about, *lines = read_lines(sitting.file)
    assert about["person"] == "Ada" and about["identity"] == "one" and about["n"] == 6 and about["shown_ms"] == 1000
    assert [line["kind"] for line in lines] == [trial.kind for trial in sitting.order[2:]]
    assert [line["seconds"] for line in lines] == [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert [line["looks"] for line in lines] == [1, 2, 1, 2, 1, 2] and all(line["said_real"] for line in lines)
    result = json.loads(asking.ask("result")[2])
    assert HumanScore.from_json(result["score"]) == sitting.score()
    reals = sum(trial.kind == "real" for trial in sitting.order[2:])
    assert result["score"]["accuracy"]["k"] == reals and [p["id"] for p in result["images"]] == sitting.names[2:]
    assert [p["real"] for p in result["images"]] == [trial.kind == "real" for trial in sitting.order[2:]]
    assert all(asking.ask(f"image/{name}")[0] == 200 for name in sitting.names)
    assert asking.state()["phase"] == "done" and asking.say("nobody")[0] == 404


def test_a_full_disk_loses_nothing(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        asking.say(asking.state()["id"])
    state = asking.state()

    def full(path: Path, value: dict[str, Any]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(turing, "append_line", full)
        assert asking.say(state["id"])[0] == 507
    assert asking.state() == state and len(asking.sitting.answers) == 1
    assert asking.say(state["id"])[0] == 200 and len(read_lines(asking.sitting.file)) == 3


def test_two_sittings_differ_and_one_can_be_had_again(tmp_path: Path) -> None:
    first, second = (Sitting(made_up(tmp_path / "a"), n=20, seed=3) for _ in range(2))
    again = Sitting(made_up(tmp_path / "b"), n=20, seed=3)
    assert (first.number, second.number, again.number) == (1, 2, 1)
    assert first.images == again.images and first.order == again.order and first.names != again.names
    assert first.order != second.order and first.images != second.images
    assert len(set(first.images)) == len(first.images)


def test_too_few_and_too_many(tmp_path: Path) -> None:
    for wish in ({"n": 0}, {"n": 1001}, {"practice": -1}, {"show": 60_001}):
        with pytest.raises(RunError, match="allowed are"):
            Sitting(made_up(tmp_path / "turing"), **wish)
    with pytest.raises(RunError, match="holds 4 real examples.*smaller --n"):
        Sitting(made_up(tmp_path / "turing", count=4), n=40)
    assert not list(tmp_path.rglob("session*"))


def sit(home: Path, person: str, n: int, right: bool, identity: str = "one") -> None:
    sources = made_up(home)
    with Sitting(turing.Sources(**vars(sources) | {"identity": identity}), n=n, practice=0, person=person) as sitting:
        for name, trial in zip(sitting.names, sitting.order, strict=True):
            said = "real" if (trial.kind == "real") == right else "fake"
            body = {"id": name, "said": said, "seconds": 1.0, "visible_ms": 1000.0}
            assert sitting.respond("POST", "answer", json.dumps(body).encode()).status == 200


def test_what_is_kept_is_pooled(tmp_path: Path) -> None:
    home = tmp_path / "turing"
    with pytest.raises(RunError, match="no answers about made-up are kept"):
        kept(made_up(home))
    for person, right in (("Ada", True), ("Ada", True), ("Bob", False), ("", True), ("", False)):
        sit(home, person, 10, right)
    sit(home, "Eve", 10, True, identity="another generator")
    with (home / "session-001.jsonl").open("a") as file:
        file.write('{"index": 10, "ki')  # cut short by a power cut
    (home / "session-099.jsonl").touch()
    pooled, others = kept(made_up(home))
    assert (pooled.accuracy.k, pooled.accuracy.n, pooled.persons, others) == (30, 50, 4, 1)
    with pytest.raises(RunError, match="those of 6 sittings are about other"):
        kept(turing.Sources(**vars(made_up(home)) | {"identity": "a third"}))
    (home / "session-002.jsonl").write_text("{}\n[]\n")
    with pytest.raises(RunError, match="session-002.jsonl is damaged"):
        kept(made_up(home))


def luminance(colour: str) -> float:
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_colours_can_be_read(asking: Asking) -> None:
    """Contrast of at least 4.5 (WCAG 2.2, 1.4.3), by day and by night."""
    themes = re.findall(r":root \{(.*?)\}", asking.ask("turing.css")[2].decode(), re.DOTALL)
    assert len(themes) == 2
    for theme in themes:
        colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", theme))
        pairs = [(ink, paper) for ink in ("ink", "soft", "good", "bad", "accent") for paper in ("paper", "panel")]
        for ink, paper in [*pairs, ("on-accent", "accent")]:
            high, low = sorted((luminance(colour[ink]), luminance(colour[paper])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, paper)
