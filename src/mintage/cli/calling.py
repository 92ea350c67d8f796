"""How a verb is called: its function's signature is its command line, and its user's mistakes are one sentence."""

from __future__ import annotations

import errno
import gc
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import cyclopts


def call(verb: str, arguments: list[str]) -> int:
    """Run the verb's `command(arguments)` function; the exit status."""
    from mintage.data import DataError
    from mintage.lab.outcome import LabError
    from mintage.runs.errors import Interrupted, RunError
    from mintage.systems import SettingError

    try:
        command = import_module(f"mintage.cli.{verb}").command(arguments)
        _collect_again()
        parse(verb, command)(arguments)
    except (DataError, LabError, RunError, SettingError) as error:
        return _refuse(verb, str(error))
    except cyclopts.CycloptsError as error:
        return _refuse(verb, _sentence(str(error)))
    except Interrupted as stop:
        return stop.code
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EPERM):
            return _refuse(verb, f"{error.filename or 'a file'} could not be written: {error.strerror}. "
                                 "Make room, or choose another place")
        raise
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130
    return 0


def parse(verb: str, command: Callable[..., Any]) -> Callable[[list[str]], Any]:
    """A cyclopts program of one function. Its errors are raised, not printed."""
    app = cyclopts.App(name=f"mintage {verb}", help=command.__doc__, version_flags=[], result_action="return_value",
                       default_parameter=cyclopts.Parameter(negative_iterable=(), show_default=True))
    app.default(command)
    return lambda arguments: app(arguments, exit_on_error=False, print_error=False)


def _collect_again() -> None:
    """Go on collecting garbage, where `main` put it off, without ever looking at what was imported again."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _refuse(verb: str, sentence: str) -> int:
    print(f"mintage {verb}: {sentence}", file=sys.stderr)
    return 2


def _sentence(text: str) -> str:
    return " ".join(text.split())
