"""The page of the human test in a real browser: a scripted person takes it by key, by button and by thumb."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mintage.runs.durable import read_lines
from mintage.studio.local import LocalServer
from mintage.studio.turing import Sitting

from .browser import PHONE, Watched, browser
from .sources import made_up

N, PRACTICE, SHOW = 12, 2, 80
SAID = ["real", "fake", "fake", "real", "real", "real", "fake", "real", "fake", "fake", "real", "fake"]
HANDS = ["ArrowLeft", "ArrowRight", "f", "r", "button", "R", "button", "button", "F", "ArrowRight", "button", "button"]


@pytest.fixture(scope="module")
def chromium(loopback: None) -> Iterator[Any]:
    with browser() as running:
        yield running


def answer(watched: Watched, said: str, hand: str, *, after_mask: bool) -> None:
    page = watched.page
    watched.shows("#real")
    if after_mask:
        watched.shows("#mask")
        assert not page.is_visible("#image")
    if hand == "button":
        page.click(f"#{said}")
    else:
        page.keyboard.press(hand)


def practise(watched: Watched) -> None:
    page = watched.page
    page.click("#begin")
    for _ in range(PRACTICE):
        answer(watched, "real", "ArrowLeft", after_mask=False)
        watched.shows("#next")
        assert "it is" in page.inner_text("#feedback") and page.is_visible("#image")
        page.keyboard.press("ArrowLeft")  # says nothing: the truth is out
        page.keyboard.press("Enter")


def test_a_person_takes_the_test(chromium: Any, tmp_path: Path) -> None:
    sources = made_up(tmp_path / "turing", name="<img src=x onerror=alert(1)>")
    with Sitting(sources, n=N, practice=PRACTICE, show=SHOW, person="Ada") as sitting, \
            LocalServer(sitting.respond) as server:
        context = chromium.new_context(viewport={"width": 1200, "height": 800})
        watched = Watched(context)
        page = watched.page
        page.goto(server.url)
        watched.shows("#begin")
        assert "“<img src=x onerror=alert(1)>”" in page.inner_text("#about") and not page.query_selector("#about img")
        practise(watched)
        for number, (said, hand) in enumerate(zip(SAID, HANDS, strict=True)):
            if number == 5:
                watched.shows("#real")
                page.reload()  # while an image is on show
                watched.shows("#begin")
                assert "5 of 12 images are judged" in page.inner_text("#about")
                page.keyboard.press("Enter")
            answer(watched, said, hand, after_mask=number % 2 == 0)
        watched.shows("#result")
        check_result(watched, sitting)
        assert watched.complaints == []
        assert watched.requests and all(url.startswith(server.url) for url in watched.requests)
        context.close()
    check_file(sitting)


def check_result(watched: Watched, sitting: Sitting) -> None:
    page = watched.page
    score = sitting.score()
    right = sum((t.kind == "real") == (s == "real") for t, s in zip(sitting.order[PRACTICE:], SAID, strict=True))
    assert score.accuracy.k == right and score.accuracy.n == N
    assert page.inner_text("#verdict").lower() == score.verdict
    assert f"of {N} answers" in page.inner_text("#reading")
    label = page.get_attribute("#scale svg", "aria-label").replace("\u00a0", " ")
    assert f"{100 * score.accuracy.low:.0f} % to {100 * score.accuracy.high:.0f} %" in label
    captions = [figure.inner_text().split()[:2] for figure in page.query_selector_all("#grid figure")]
    expected = [["✓" if (t.kind == "real") == (s == "real") else "✗", "real" if t.kind == "real" else "generated"]
                for t, s in zip(sitting.order[PRACTICE:], SAID, strict=True)]
    assert captions == expected
    watched.until("[...document.querySelectorAll('#grid img')].every((i) => i.complete && i.naturalWidth)")


def check_file(sitting: Sitting) -> None:
    about, *lines = read_lines(sitting.file)
    assert about["person"] == "Ada" and len(lines) == N
    assert [line["said_real"] for line in lines] == [said == "real" for said in SAID]
    assert [line["kind"] for line in lines] == [trial.kind for trial in sitting.order[PRACTICE:]]
    assert [line["looks"] for line in lines] == [2 if number == 5 else 1 for number in range(N)]
    for number, line in enumerate(lines):
        assert 0 <= line["visible_ms"] < SHOW + 1000 and 0 <= line["seconds"] < 30
        if number % 2 == 0:  # it waited for the cover
            assert line["visible_ms"] >= SHOW - 1 and 1000 * line["seconds"] >= SHOW - 1
    waited = sorted(line["visible_ms"] for line in lines[::2])
    assert waited[len(waited) // 2] < SHOW + 100  # shown for the time asked, to a few frames of a busy machine


def test_with_a_thumb_on_a_small_screen_at_night(chromium: Any, tmp_path: Path) -> None:
    """Wide images, shown until answered; nothing is wider than the screen, and every control can be hit and named."""
    sources = made_up(tmp_path / "turing", shape=(3, 60, 200))
    with Sitting(sources, n=4, practice=0, show=0) as sitting, LocalServer(sitting.respond) as server:
        context = chromium.new_context(**PHONE, color_scheme="dark")
        watched = Watched(context)
        page = watched.page
        page.goto(server.url)
        page.tap("#begin")
        for number in range(4):
            watched.shows("#real")
            assert page.is_visible("#image") and not page.is_visible("#mask")
            check_fit(page)
            page.tap("#real" if number % 2 else "#fake")
            watched.until(f"/^(Done|{number + 2} )/.test(document.querySelector('#place').textContent)")
        watched.shows("#result")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
        assert watched.complaints == [] and len(sitting.answers) == 4
        context.close()


def check_fit(page: Any) -> None:
    box = page.eval_on_selector("#image", "(i) => { const b = i.getBoundingClientRect(); return [b.width, b.height] }")
    assert 150 < box[0] <= 375 and box[0] / box[1] == pytest.approx(200 / 60, rel=0.05)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    controls = page.eval_on_selector_all("button:not(:disabled)", """(all) => all.filter((b) => b.offsetParent).map(
        (b) => [b.textContent.trim(), b.offsetWidth, b.offsetHeight, b.getBoundingClientRect().bottom])""")
    assert [name.strip("←→ ") for name, *_ in controls] == ["Real", "Generated"]
    assert all(width >= 44 and height >= 44 and bottom <= 720 for _, width, height, bottom in controls)


def test_a_server_that_has_gone_is_said(chromium: Any, tmp_path: Path) -> None:
    context = chromium.new_context()
    watched = Watched(context)
    page = watched.page
    with Sitting(made_up(tmp_path / "turing"), n=4, practice=0, show=0) as sitting, \
            LocalServer(sitting.respond) as server:
        page.goto(server.url)
        page.click("#begin")
        answer(watched, "real", "ArrowLeft", after_mask=False)
        watched.until("document.querySelector('#place').textContent.startsWith('2 ')")
        watched.shows("#real")
    page.click("#fake")
    watched.shows("#trouble")
    assert "are kept" in page.inner_text("#trouble")
    about, *lines = read_lines(sitting.file)
    assert len(lines) == 1 and json.dumps(about)
    context.close()
