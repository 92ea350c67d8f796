"""The human test as a page: one sitting of one person, image after image, every answer kept the moment it is given.

    HOME/session-001.jsonl    a line about the sitting, then a line an answer

What the page is told of an image before it is judged is a random name. The sitting lives here and not in the page, so
a page that is loaded again goes on where it was; how often an image was fetched is kept with its answer.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from mintage import __version__
from mintage.data.order import generator
from mintage.evaluation.measures.human import Answer, HumanScore, Trial, pool, score, trials
from mintage.runs.durable import append_line, read_lines
from mintage.runs.errors import RunError
from mintage.studio.local import Reply, refuse
from mintage.studio.stimuli import Sources, stimuli

MOST = 1000  # images in one sitting
LONGEST = 3600.0  # seconds that one answer may take
ICON = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="#1f6fb4"/>'
        '<path d="M8 1a7 7 0 0 0 0 14z" fill="#e8b04a"/></svg>')
PAGES = {"": ("turing.html", "text/html"), "turing.css": ("turing.css", "text/css"),
         "turing.js": ("turing.js", "text/javascript")}


class Sitting:
    """One person's test: `respond` is what a LocalServer needs. Close it, or use it as a context.

    Raises:
        RunError: numbers that cannot be, or too few real examples.
    """

    def __init__(self, sources: Sources, *, n: int = 50, practice: int = 4, show: int = 1000, seed: int = 0,
                 person: str = "") -> None:
        for name, value, least, most in (("n", n, 1, MOST), ("practice", practice, 0, 20), ("show", show, 0, 60_000)):
            if not least <= value <= most:
                raise RunError(f"--{name} is {value}; allowed are {least} to {most}")
        sources.home.mkdir(parents=True, exist_ok=True)
        self.file, self.number = _claim(sources.home)
        try:
            self.order = _order(n, practice, generator(seed, "trials", self.number, sources.identity))
            self.images = stimuli(sources, self.order, seed, self.number)
        except BaseException:
            self.file.unlink()
            raise
        self.names = [secrets.token_urlsafe(12) for _ in self.order]
        self.practice, self.show, self.person, self.name = practice, show, person, sources.name
        self.looks = [0] * len(self.order)
        self.said: list[bool] = []
        self.answers: list[Answer] = []
        self._about = {"session": self.number, "person": person, "source": sources.name,
                       "identity": sources.identity, "seed": seed, "n": n, "shown_ms": show, "mintage": __version__,
                       "began": _now()}
        self._lock, self._touched, self._read = threading.Lock(), time.monotonic(), False

    def __enter__(self) -> Sitting:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End it. A sitting without an answer leaves nothing behind."""
        with self._lock:
            if not self.answers:
                self.file.unlink(missing_ok=True)

    @property
    def done(self) -> bool:
        """Whether every image has been judged."""
        return len(self.said) == len(self.order)

    def left(self) -> bool:
        """Whether it is done and the page has had the time to show the score."""
        with self._lock:
            return self.done and time.monotonic() - self._touched > (3.0 if self._read else 30.0)

    def score(self) -> HumanScore:
        """The score so far.

        Raises:
            ValueError: no answers yet.
        """
        return score(self.answers)

    def respond(self, method: str, route: str, body: bytes) -> Reply:
        """What the page asks for. Only images that are or were on show can be had."""
        with self._lock:
            self._touched = time.monotonic()
            if route == "answer":
                return self._answer(body) if method == "POST" else refuse(HTTPStatus.METHOD_NOT_ALLOWED, "POST this")
            if method != "GET":
                return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "GET this")
            if route in PAGES:
                file, kind = PAGES[route]
                return Reply(200, f"{kind}; charset=utf-8", files("mintage.studio").joinpath(file).read_bytes())
            if route == "icon.svg":
                return Reply(200, "image/svg+xml", ICON.encode())
            if route == "state":
                return _json(self._state())
            if route == "result" and self.done:
                self._read = True
                return _json(self._result())
            return self._image(route.removeprefix("image/"))

    def _state(self) -> dict[str, Any]:
        at = len(self.said)
        counted = at - self.practice
        common = {"name": self.name, "show": self.show, "n": len(self.order) - self.practice,
                  "practice": self.practice, "answered": max(0, counted)}
        if self.done:
            return common | {"phase": "done"}
        return common | {"phase": "test" if counted >= 0 else "practice", "id": self.names[at],
                         "place": counted + 1 if counted >= 0 else at + 1}

    def _image(self, name: str) -> Reply:
        seen = self.names[:len(self.said) + 1]
        if name not in seen:
            return refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
        at = seen.index(name)
        self.looks[at] += at == len(self.said)
        return Reply(200, "image/png", self.images[at])

    def _answer(self, body: bytes) -> Reply:
        try:
            name, said_real, seconds, visible = _said(body)
        except (ValueError, RecursionError):
            return refuse(HTTPStatus.BAD_REQUEST, "an answer is {id, said, seconds, visible_ms}")
        at = len(self.said)
        if name in self.names[:at]:  # said twice: the first time counts
            return _json({"truth": None, "state": self._state()})
        if self.done or name != self.names[at]:
            return refuse(HTTPStatus.NOT_FOUND, "there is no such image")
        trial = self.order[at]
        if at >= self.practice:
            try:
                self._keep(Answer(trial, said_real, seconds, self.show), visible, self.looks[at])
            except OSError as error:
                return refuse(HTTPStatus.INSUFFICIENT_STORAGE, f"the answer could not be kept: {error.strerror}")
        self.said.append(said_real)
        return _json({"truth": trial.kind if at < self.practice else None, "state": self._state()})

    def _keep(self, answer: Answer, visible: float, looks: int) -> None:
        if not self.answers:
            append_line(self.file, self._about)
        append_line(self.file, {"index": answer.trial.index, "kind": answer.trial.kind, "said_real": answer.said_real,
                                "seconds": answer.seconds, "shown_ms": answer.shown_ms, "visible_ms": visible,
                                "looks": looks, "at": _now()})
        self.answers.append(answer)

    def _result(self) -> dict[str, Any]:
        pictures = [{"id": name, "real": trial.kind == "real", "said_real": said} for name, trial, said
                    in zip(self.names, self.order, self.said, strict=True)]
        return {"score": score(self.answers).to_json(), "images": pictures[self.practice:]}


def kept(sources: Sources) -> tuple[HumanScore, int]:
    """The pooled score of the answers kept for these sources, and how many sittings were about others.

    A person is a name; a sitting without one is taken as a person of its own.

    Raises:
        RunError: there are no answers, or a file is damaged.
    """
    people: dict[str, list[Answer]] = {}
    others = 0
    for file in sorted(sources.home.glob("session-*.jsonl")):
        try:
            about, *lines = read_lines(file) or [{}]
            answers = [Answer(Trial(line["index"], line["kind"]), line["said_real"], line["seconds"],
                              line["shown_ms"]) for line in lines]
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{file} is damaged ({error}); put it right or move it away") from None
        if answers and about.get("identity") == sources.identity:
            people.setdefault(about.get("person") or file.stem, []).extend(answers)
        else:
            others += bool(answers)
    if not people:
        rest = f"; those of {others} sittings are about other samples or other real examples" if others else ""
        raise RunError(f"no answers about {sources.name} are kept in {sources.home}{rest}. Take the test first")
    return pool(people), others


def _order(n: int, practice: int, key: torch.Generator) -> list[Trial]:
    """Practice, half of each kind, then n trials by the toss of a coin."""
    first = [Trial(n + k, "fake" if k % 2 else "real") for k in torch.randperm(practice, generator=key).tolist()]
    return first + trials(n, int(torch.randint(2**31, (1,), generator=key)))


def _claim(home: Path) -> tuple[Path, int]:
    names = [file.stem.removeprefix("session-") for file in home.glob("session-*.jsonl")]
    number = 1 + max((int(name) for name in names if name.isdecimal()), default=0)
    while True:
        file = home / f"session-{number:03d}.jsonl"
        try:
            file.touch(exist_ok=False)
            return file, number
        except FileExistsError:  # another sitting began at the same time
            number += 1


def _said(body: bytes) -> tuple[str, bool, float, float]:
    value = json.loads(body, parse_constant=_no_constant)
    if not isinstance(value, dict) or set(value) != {"id", "said", "seconds", "visible_ms"}:
        raise ValueError("other fields")
    name, said = value["id"], value["said"]
    times = [value["seconds"], value["visible_ms"]]
    if not isinstance(name, str) or said not in ("real", "fake"):
        raise ValueError("other values")
    if not all(type(t) in (int, float) and 0 <= t <= most for t, most in zip(times, (LONGEST, 1e3 * LONGEST),
                                                                             strict=True)):
        raise ValueError("other times")
    return name, said == "real", round(float(times[0]), 4), round(float(times[1]), 1)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _json(value: Any) -> Reply:
    return Reply(200, "application/json", json.dumps(value, allow_nan=False).encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
