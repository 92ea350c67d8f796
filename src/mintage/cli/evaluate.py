"""`mintage evaluate RUN`, `mintage evaluate SAMPLES REAL`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mintage.cli.opening import Opening, check_place, in_options
from mintage.evaluation import Evaluation
from mintage.runs.errors import RunError
from mintage.runs.evaluating import court_of, write
from mintage.runs.folder import Run
from mintage.runs.generator_figures import lines_of
from mintage.runs.kinds import is_run
from mintage.runs.pairs import counterparts, open_pair
from mintage.runs.release import judged_again

PLAIN = Opening()


def evaluate(what: str, real: str | None = None, /, *, opening: Opening = PLAIN, likelihood: bool = False,
             pairs: bool = False, out: Path | None = None) -> None:
    """Judge a trained generator against held-out data, or anybody's samples against real ones.

    With one argument, a run: its generator against the examples that neither trained nor chose it. With two, samples
    and real examples: folders, files or names of data. Each figure comes with that of real data, its noise and a card.

    Parameters
    ----------
    what
        The folder of a run, or samples: a folder or .zip of images or .wav files, an .npy array or a .csv table.
    real
        Real examples, which the generator should not have seen.
    likelihood
        Of a run: also the likelihood, by Parzen windows and by annealed importance sampling (half a minute or more).
    pairs
        Of images: each sample is the counterpart of the real one in its place, by name; also PSNR and SSIM.
    out
        A folder for evaluation.json and evaluation.md. If left out: the run's; of samples nothing is written.
    """
    if out is not None:
        check_place(out)
    with in_options():
        found = (_of_run(what, opening, likelihood, pairs) if real is None else
                 _of_samples(what, real, opening, likelihood, pairs))
    for line in [*found.lines(), *lines_of(found.facts)]:
        print(line)
    place = out or (Path(what) if real is None else None)
    if place is None:
        print("nothing was written; --out FOLDER keeps the figures and their cards")
        return
    if out is None:
        judged_again(Run.open(what), found)
    else:
        place.mkdir(parents=True, exist_ok=True)
        write(found, place)
    print(f"written: {place / 'evaluation.json'}, evaluation.md"
          + ("" if out else f"; mintage report {what} writes them into its report"))


def _of_run(what: str, opening: Opening, likelihood: bool, pairs: bool) -> Evaluation:
    if pairs:
        raise RunError("--pairs is for samples and real examples that belong together; a run's samples have "
                       "no counterpart")
    if (Path(what) / "generator.json").is_file():
        raise RunError(f"{what} is a generator without what it is to be judged by; give its run, or write its samples: "
                       f"mintage sample {what} -n 10000 --out FOLDER, and then: mintage evaluate FOLDER REAL")
    if Path(what).exists() and not is_run(what):
        raise RunError(f"{what} is not a run: it has no settings.json, which `mintage train` writes. To judge samples, "
                       f"give real examples as well: mintage evaluate {what} REAL")
    run = Run.open(what)
    opening.refuse_for_runs()
    court = court_of(run, n=opening.n, features=opening.named(), weights=opening.weight_file())
    found = court.evaluate(run, opening.seed)
    return replace(found, facts=found.facts | court.likelihoods(run, opening.seed)) if likelihood else found


def _of_samples(what: str, real: str, opening: Opening, likelihood: bool, pairs: bool) -> Evaluation:
    if likelihood:
        raise RunError("--likelihood is for a run: samples alone have no latents; leave it out")
    asked = opening.asked((what,), real)
    found = open_pair(what, real, opening.train, asked).evaluate(opening.seed)
    return replace(found, facts=found.facts | counterparts(what, real, asked)) if pairs else found


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return evaluate
