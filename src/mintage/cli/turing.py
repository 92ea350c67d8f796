"""`mintage turing RUN`."""

from __future__ import annotations

import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mintage.runs.signals import Signals
from mintage.studio.local import LocalServer
from mintage.studio.stimuli import sources_of
from mintage.studio.turing import Sitting, kept

WAIT = 0.1


def turing(source: str, /, *, real: str | None = None, n: Annotated[int, Parameter(name=["--n", "-n"])] = 50,
           show: int = 1000, practice: int = 4, seed: int = 0, person: str = "",
           open_page: Annotated[bool, Parameter(name="--open", negative="--no-open")] = True,
           score: Annotated[bool, Parameter(negative=())] = False, out: Path | None = None,
           device: str = "cpu") -> None:
    """Find out whether people can tell samples from real examples.

    A page on this machine shows real examples, which were never trained on, and samples in random order. Every answer
    is kept in turing/ of the run the moment it is given; the score comes with its interval, and says what it cannot
    say.

    Parameters
    ----------
    source
        The folder of a run; or samples of any generator, as a folder of images or an .npy file, with --real.
    real
        Real examples, as for `mintage train`. Default: what the run held out.
    n
        Images to judge. 50 show an accuracy of 70 %; 200 show 60 %.
    show
        How long an image is shown, in milliseconds; 0: until the answer.
    practice
        Images at the beginning that do not count.
    seed
        Of the choice and the order of images; each sitting of a seed sees others.
    person
        Who answers. Answers are pooled by person.
    open_page
        Open the page in the browser.
    score
        Give no test, but the score of all answers kept so far.
    out
        Where the answers are kept. Default: turing/ of the run; for samples, turing/ here.
    device
        cpu, cuda or mps.
    """
    sources = sources_of(source, real, device, home=out)
    if not score:
        with Signals() as signals, Sitting(sources, n=n, practice=practice, show=show, seed=seed,
                                           person=person) as sitting, LocalServer(sitting.respond) as server:
            print(f"the test is at {server.url}\nCtrl-C ends it; what was answered is kept", flush=True)
            if open_page:
                webbrowser.open(server.url)
            while not (signals.received or sitting.left()):
                time.sleep(WAIT)
        if not sitting.answers:
            print("nothing was answered")
            return
        print(f"{len(sitting.answers)} answers: {sitting.file}")
        _tell(sitting.score().lines())
        return
    pooled, others = kept(sources)
    _tell(pooled.lines())
    if others:
        print(f"left out: {others} sittings about other samples or other real examples")


def _tell(lines: list[str]) -> None:
    print("\n".join(lines))


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return turing
