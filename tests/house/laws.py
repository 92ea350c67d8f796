"""The laws of the house, each a function of a file's path and text that returns its breaches as plain sentences."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

BASE = {"game", "data", "networks", "objectives", "penalties", "augment", "latent"}
_BELOW_SYSTEMS = BASE | {"evaluation"}
_BELOW_RUNS = _BELOW_SYSTEMS | {"systems", "doctor", "export"}
MAY_IMPORT = {
    **{room: set() for room in BASE},
    "evaluation": {"data", "latent"},
    "systems": BASE,
    "doctor": {"evaluation", "game"},
    "export": {"networks", "latent", "data"},
    "runs": _BELOW_RUNS,
    "lab": _BELOW_RUNS,
    "reproduce": _BELOW_RUNS | {"runs", "lab"},  # trains runs, reads them as the lab's findings; nobody below needs it
    "studio": {"runs", "export", "latent", "doctor", "evaluation", "data"},
    "cli": {"runs", "studio", "lab", "reproduce"} | _BELOW_RUNS,
}
SHARED = {"moves", "options", "pairs", "labelled", "spectral", "stabilisers", "coding", "__init__"}
"""The files of systems that are no system: what several share, what their settings may be, and the list of all."""

Law = Callable[[PurePosixPath, str], list[str]]


def room_of(path: PurePosixPath) -> str:
    """The room a file stands in; "" for the files of the package itself. Paths begin at src/mintage."""
    return path.parts[0] if len(path.parts) > 1 else ""


def imported(path: PurePosixPath, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of each module a file imports, relative imports made absolute, wherever they stand."""
    package = ["mintage", *path.parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*start, *(node.module or "").split(".")]).strip(".")
            yield node.lineno, origin
            if origin in {"mintage", "mintage.systems"}:  # `from mintage.systems import dcgan` names a file
                yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def imports(path: PurePosixPath, text: str) -> list[str]:
    """Imports point down: base rooms import no room, systems only base rooms and no system but systems/moves.py."""
    room, breaches = room_of(path), []
    for line, name in imported(path, ast.parse(text)):
        parts = name.split(".")
        if parts[0] == "torchvision":
            breaches.append(f"{path}:{line} imports torchvision")
        if parts[0] != "mintage" or len(parts) < 2 or room not in MAY_IMPORT:
            continue
        if parts[1] in MAY_IMPORT and parts[1] != room and parts[1] not in MAY_IMPORT[room]:
            breaches.append(f"{path}:{line} room {room} imports {parts[1]}")
        shared = not parts[2:] or parts[2] in SHARED or path.stem in SHARED
        if room == parts[1] == "systems" and not shared:
            breaches.append(f"{path}:{line} a system imports {name}")
    return sorted(set(breaches))


def one_loop(path: PurePosixPath, text: str) -> list[str]:
    """No `.backward(` and no `optimizer.step(` outside the room game."""
    if room_of(path) == "game":
        return []
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value).lower()
            if node.func.attr == "backward" or node.func.attr == "step" and "opt" in owner:
                found.append(f"{path}:{node.lineno} {ast.unparse(node.func)} outside the one loop")
    return found


def no_assert(path: PurePosixPath, text: str) -> list[str]:
    """Errors of users are exceptions; an `assert` vanishes under -O."""
    return [f"{path}:{node.lineno} assert" for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assert)]


def no_print(path: PurePosixPath, text: str) -> list[str]:
    """Only the command line and the runs' console speak."""
    if room_of(path) == "cli" or str(path) == "runs/console.py":
        return []
    return [f"{path}:{line} print()" for line, name, _ in calls(text) if name == "print"]


def named_for_a_purpose(path: PurePosixPath, text: str) -> list[str]:
    """No file or room is named for having no purpose."""
    vague = {"util", "utils", "misc", "helper", "helpers", "common", "base", "manager"}
    return [f"{path} is named {part}" for part in (*path.parent.parts, path.stem)
            if vague & set(re.split(r"[_\W]", part.lower()))]


def short(path: PurePosixPath, text: str) -> list[str]:
    """Files of at most 250 lines, functions of at most 60."""
    lines = len(text.splitlines())
    long = [f"{path} has {lines} lines"] if lines > 250 else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > 60:
                long.append(f"{path}:{node.lineno} {node.name} has {length} lines")
    return long


DRAWS = {"rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial"}
SOURCES = {"default_rng", "Generator", "PCG64", "Philox", "SeedSequence"}
"""What numpy.random makes generators of: with arguments they are explicit."""


def calls(text: str) -> Iterator[tuple[int, str, ast.Call]]:
    """(line, dotted name, node) of each call of a plain dotted name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and re.fullmatch(r"[\w.]+", name := ast.unparse(node.func)):
            yield node.lineno, name, node


def forked(text: str) -> set[int]:
    """The lines inside `with torch.random.fork_rng(...)`: the global generator is given back as it was."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.With) and any("fork_rng" in ast.unparse(item.context_expr) for item in node.items):
            inside |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return inside


def explicit_randomness(path: PurePosixPath, text: str) -> list[str]:
    """No draw from a global generator, and no seeding of one outside a forked scope."""
    found, inside = [], forked(text)
    for line, name, node in calls(text):
        parts = name.split(".")
        seeds = name in {"torch.manual_seed", "torch.seed", "torch.cuda.manual_seed", "torch.cuda.manual_seed_all"}
        draws = parts[0] == "torch" and len(parts) == 2 and (parts[1] in DRAWS or parts[1] in
                                                            {f"{draw}_like" for draw in DRAWS})
        bare = draws and not any(keyword.arg == "generator" for keyword in node.keywords)
        numpy = parts[:2] in (["np", "random"], ["numpy", "random"]) and parts[-1] not in SOURCES
        unseeded = parts[-1] in SOURCES and not (node.args or node.keywords) and "torch" not in parts
        plain = parts[0] == "random" and parts[1:2] != ["Random"] or name == "random.Random" and not node.args
        if (seeds or bare or numpy or unseeded or plain) and line not in inside:
            found.append(f"{path}:{line} {name} uses a global generator")
    return found


PICKLES = {"torch.load", "torch.save", "torch.jit.load", "torch.jit.save"}
DOOR = "evaluation/features/inception_weights.py"
"""The one file that opens what others have pickled, after it checked the digest: once as plain tensors
(torch.load with weights_only=True), once NVIDIA's known archive (torch.jit.load)."""


def no_pickle(path: PurePosixPath, text: str) -> list[str]:
    """Nothing that could run code is read, and nothing like it is written; but for the one DOOR."""
    tree = ast.parse(text)
    found = [f"{path}:{line} imports {name}" for line, name in imported(path, tree)
             if name.split(".")[0] in {"pickle", "cPickle", "dill", "joblib", "cloudpickle"}]
    found += [f"{path}:{node.lineno} imports {node.module}.{alias.name}" for node in ast.walk(tree)
              if isinstance(node, ast.ImportFrom) for alias in node.names
              if node.module in {"torch", "torch.jit", "torch.serialization"} and alias.name in {"load", "save"}]
    opened: set[str] = set()
    for line, name, node in calls(text):
        allows = any(k.arg == "allow_pickle" and ast.unparse(k.value) != "False" for k in node.keywords)
        plain = name == "torch.jit.load" or name == "torch.load" and any(
            k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords)
        through_the_door = str(path) == DOOR and plain and name not in opened
        if name in PICKLES and not through_the_door or allows:
            found.append(f"{path}:{line} {name} pickles")
        opened.add(name)
    return found


_ROOTS = "|".join(["wo" + "rk", "ho" + "me", "ro" + "ot", "Us" + "ers", "mn" + "t"])
_HOSTS = "|".join(["py" + r"pi\.org", "python" + r"hosted\.org", "download\\." + "pytorch", "extra-index" + "-url",
                   "index" + "-url", "local" + r"host:\d", "127" + r"\.0\.0\.1:\d"])
_MACHINE = re.compile(rf"(?<![\w./])/(?:{_ROOTS})/\w|(?:{_HOSTS})")


def no_machine(path: PurePosixPath, text: str) -> list[str]:
    """No path of one machine and no host of a package index."""
    return [f"{path}:{number} names {match.group()}" for number, line in enumerate(text.splitlines(), start=1)
            for match in [_MACHINE.search(line)] if match]


def documented(path: PurePosixPath, text: str) -> list[str]:
    """In base rooms every file, and every public function and class at its top, says what it is."""
    if room_of(path) not in BASE:
        return []
    tree = ast.parse(text)
    found = [] if ast.get_docstring(tree) else [f"{path} has no docstring"]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                found.append(f"{path}:{node.lineno} {node.name} has no docstring")
    return found
