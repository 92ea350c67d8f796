"""The laws of the house hold in every file, and each law is shown able to find a breach."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from . import laws

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "mintage"
FILES = {PurePosixPath(path.relative_to(PACKAGE).as_posix()): path.read_text(encoding="utf-8")
         for path in sorted(PACKAGE.rglob("*.py"))}

LAWS: list[laws.Law] = [laws.imports, laws.one_loop, laws.no_assert, laws.no_print, laws.named_for_a_purpose,
                        laws.short, laws.explicit_randomness, laws.no_pickle, laws.no_machine, laws.documented]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_package_keeps(law):
    assert len(FILES) > 20
    breaches = [breach for path, text in FILES.items() for breach in law(path, text)]
    assert breaches == [], "\n".join([law.__doc__ or "", *breaches])


@pytest.mark.parametrize("room", ["tests", "docs", "benchmarks", "examples", "scripts", "."])
def test_no_file_names_a_machine(room):
    kinds = {".py", ".md", ".toml", ".txt", ".sh", ".yml", ".yaml", ".css", ".html", ".json", ""}
    found = (ROOT / room).glob("*") if room == "." else (ROOT / room).rglob("*")
    files = [path for path in found if path.is_file() and path.suffix in kinds and "__pycache__" not in path.parts
             and (not path.name.startswith(".") or path.name == ".gitignore")]
    breaches = [breach for path in files
                for breach in laws.no_machine(PurePosixPath(path.relative_to(ROOT).as_posix()),
                                              path.read_text(encoding="utf-8", errors="replace"))]
    assert breaches == []


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()


BAD = [
    (laws.imports, "objectives/a.py", "from mintage.game import Game"),
    (laws.imports, "game/a.py", "import mintage.data.spec"),
    (laws.imports, "latent/a.py", "from ..data import spec"),
    (laws.imports, "latent/a.py", "def f():\n    from mintage import networks"),
    (laws.imports, "penalties/a.py", "import torchvision.transforms"),
    (laws.imports, "systems/dcgan.py", "from mintage.systems.wgan import wgan"),
    (laws.imports, "systems/dcgan.py", "from .wgan import wgan"),
    (laws.imports, "systems/dcgan.py", "from mintage.systems import wgan"),
    (laws.imports, "systems/dcgan.py", "from mintage.runs import start"),
    (laws.imports, "systems/dcgan.py", "from mintage.evaluation import fid"),
    (laws.imports, "evaluation/a.py", "from mintage.game import Game"),
    (laws.imports, "runs/a.py", "from mintage.cli import main"),
    (laws.imports, "studio/a.py", "from mintage.game import play"),
    (laws.one_loop, "systems/a.py", "def f(loss): loss.backward()"),
    (laws.one_loop, "runs/a.py", "def f(optimizer): optimizer.step()"),
    (laws.one_loop, "doctor/a.py", "def f(self): self.opt_g.step()"),
    (laws.no_assert, "game/a.py", "def f(x):\n    assert x"),
    (laws.no_print, "game/a.py", "print(1)"),
    (laws.no_print, "runs/film.py", "def f(): print(1)"),
    *[(laws.named_for_a_purpose, path, "") for path in
      ("game/utils.py", "game/misc.py", "helpers/a.py", "game/common.py", "data/base.py", "runs/manager.py",
       "runs/run_manager.py", "data/image_utils.py")],
    (laws.short, "game/a.py", "x = 1\n" * 251),
    (laws.short, "game/a.py", "def f():\n" + "    x = 1\n" * 60),
    *[(laws.explicit_randomness, "data/a.py", text) for text in
      ("torch.manual_seed(0)", "z = torch.randn(3, 2)", "z = torch.randn_like(x)", "torch.randperm(4)",
       "np.random.normal()", "numpy.random.seed(0)", "rng = np.random.default_rng()", "random.random()",
       "random.shuffle(x)", "r = random.Random()")],
    *[(laws.no_pickle, "runs/a.py", text) for text in
      ("import pickle", "from pickle import loads", "torch.load('x')", "torch.save(x, 'y')",
       "np.load('x', allow_pickle=True)", "import joblib", "torch.load('x', weights_only=True)", "torch.jit.load('x')",
       "from torch import load", "from torch.serialization import load as read")],
    *[(laws.no_pickle, laws.DOOR, text) for text in
      ("torch.load('x')", "torch.load('x', weights_only=False)", "torch.load('x', weights_only=sure)",
       "torch.save(x, 'y')", "import pickle",
       "torch.load('x', weights_only=True)\ntorch.load('y', weights_only=True)")],
    (laws.no_pickle, "data/inception_weights.py", "torch.load('x', weights_only=True)"),
    (laws.no_machine, "runs/a.py", "x = '/" + "work/data'"),
    (laws.no_machine, "runs/a.py", "x = '/" + "home/me/data'"),
    (laws.no_machine, "runs/a.py", "# see https://" + "pypi" + ".org/simple"),
    (laws.documented, "game/a.py", "x = 1"),
    (laws.documented, "game/a.py", '"""A."""\ndef f(): ...'),
    (laws.documented, "data/a.py", '"""A."""\nclass C: ...'),
]


@pytest.mark.parametrize(("law", "path", "text"), BAD)
def test_a_breach_is_found(law, path, text):
    assert len(law(PurePosixPath(path), text)) == 1


GOOD = [
    (laws.imports, "game/a.py", "from mintage.game.clock import Clock\nimport torch"),
    (laws.imports, "systems/dcgan.py", "from mintage.systems.moves import critic\nfrom mintage.game import Game"),
    (laws.imports, "systems/__init__.py", "from mintage.systems.wgan import wgan"),
    (laws.imports, "evaluation/a.py", "from mintage.data import Examples\nfrom mintage.latent import normal"),
    (laws.imports, "cli/a.py", "from mintage.runs import start\nfrom mintage.systems import dcgan"),
    (laws.one_loop, "game/a.py", "def f(loss, optimizer):\n    loss.backward()\n    optimizer.step()"),
    (laws.one_loop, "runs/a.py", "progress.step()"),
    (laws.no_print, "cli/a.py", "print(1)"),
    (laws.no_print, "runs/console.py", "print(1)"),
    (laws.named_for_a_purpose, "data/baseline.py", ""),
    (laws.short, "game/a.py", "def f():\n" + "    x = 1\n" * 59),
    (laws.explicit_randomness, "data/a.py", "torch.randn(3, generator=g)\nnp.random.default_rng(3)\nrandom.Random(3)"),
    (laws.explicit_randomness, "data/a.py", "with torch.random.fork_rng():\n    torch.manual_seed(0)"),
    (laws.no_pickle, "data/a.py", "np.load('x', allow_pickle=False)"),
    (laws.no_pickle, laws.DOOR, "torch.load(file, weights_only=True, map_location='cpu')\ntorch.jit.load(file)"),
    (laws.no_machine, "runs/a.py", "x = 'a/b/c'  # https://arxiv.org/abs/1406.2661 home/x"),
    (laws.documented, "game/a.py", '"""A."""\ndef _f(): ...\ndef g():\n    """G."""'),
    (laws.documented, "runs/a.py", "def f(): ..."),
]


@pytest.mark.parametrize(("law", "path", "text"), GOOD)
def test_what_is_allowed_passes(law, path, text):
    assert law(PurePosixPath(path), text) == []


@pytest.mark.parametrize("arguments", [["ruff", "check", "src", "tests"], ["mypy"]], ids=" ".join)
def test_the_checkers_pass(arguments):
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [["ruff", "check", "--no-cache", "--config", "pyproject.toml"],
                                       ["mypy", "--config-file", "pyproject.toml"]], ids=["ruff", "mypy"])
def test_the_checkers_can_fail(arguments, tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("def f(x):\n    return x\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", *arguments, str(bad)], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1 and "bad.py" in done.stdout and "annotation" in done.stdout
