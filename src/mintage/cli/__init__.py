"""The command line: one program, one verb a file.

`main` finds the verb and imports only that verb's file, so `mintage --help` answers at once. What a user can put right
is told in one sentence with exit status 2; a stop by a signal exits 130 or 143 after saving; anything else is a defect
of ours and shows its traceback.
"""

from __future__ import annotations

import gc
import sys
import time

VERBS = {
    "train": "train a generator on your data",
    "resume": "go on with a run that was stopped",
    "sample": "write samples of a trained generator",
    "features": "write what a run's critic sees in data, as numbers",
    "translate": "make images from images, of any size, with a trained translator",
    "average": "choose the length of the average of the generator's weights, after the training",
    "explore": "look into a generator's latent space: sheets and films, inversion, arithmetic",
    "evaluate": "judge a trained generator against held-out data, or anybody's samples against real ones",
    "compare": "say whether generators differ, in what, and how surely",
    "turing": "find out whether people can tell samples from real examples",
    "inspect": "a first look at data: counts, shapes, labels, duplicates, broken files",
    "report": "write the report of a run again",
    "systems": "list the systems, or show one with its options",
    "lab": "list the experiments, or run one: expected, measured, holds",
    "reproduce": "the project's claims and their state; train one over its seeds: expected, measured, holds",
    "cite": "the BibTeX of what a system is composed of",
}
BEGAN = time.perf_counter()


def main(arguments: list[str] | None = None) -> None:
    """Run one verb and exit."""
    gc.disable()  # while modules are imported: they make objects by the hundred thousand, and no garbage
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one verb; the exit status."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0
    verb, rest = arguments[0], arguments[1:]
    if verb in ("-V", "--version"):
        from mintage import __version__

        print(f"mintage {__version__}")
        return 0
    if verb not in VERBS:
        from difflib import get_close_matches

        near = get_close_matches(verb, VERBS, n=1)
        print(f"mintage: there is no verb {verb!r}."
              + (f" Did you mean {near[0]!r}?" if near else "") + f" There are: {', '.join(VERBS)}", file=sys.stderr)
        return 2
    from mintage.cli.calling import call

    return call(verb, rest)


def usage() -> str:
    """What `mintage --help` shows."""
    verbs = "\n".join(f"  {name:9} {text}" for name, text in VERBS.items())
    return (f"mintage: from your own data to a generator you can trust\n\nUsage: mintage VERB ...\n\n{verbs}\n\n"
            "`mintage VERB --help` shows the options of a verb. A first try:  mintage train digits --minutes 2")
