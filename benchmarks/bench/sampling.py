"""Sampling beside the bare generator: a loop that calls G and nothing else, on the same latents.

    PYTHONPATH=benchmarks python -m bench.sampling [--threads 1] [--seconds 10] [--repeats 5] [--out FILE.json]

The pair is r3gan's size S, untrained (weights do not change what a pass costs), labels on, at 1 x 28 x 28 and
3 x 32 x 32. A step is one chunk of samples. Wanted is 0.9 of the bare rate, at equal precision: what is drawn, rounded
and written must fit into the rest. ONNX Runtime takes part where it and onnxscript are installed; its network is
exported with the chunk's size fixed, its threads are those of the other sides.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from bench.pairing import Play, Ratio, Row, Side, run_row, this_machine
from bench.printing import table
from mintage.data import DataSpec, written
from mintage.runs import product
from mintage.runs.building import build_game

SHAPES = {"28": (1, 28, 28), "32": (3, 32, 32)}
WANTED = {1: 0.9, 2: 0.9}


def generator_of(shape: str, precision: str) -> product.Generator:
    """The product of a run that was never trained."""
    spec = DataSpec("image", SHAPES[shape], tuple("0123456789"))
    game = build_game("r3gan", {"size": "S", "conditional": True}, spec, seed=0, device="cpu", precision=precision)
    return product.Generator(game, spec, {})


def bare(shape: str, precision: str = "fp32", chunk: int = product.CHUNK) -> Play:
    """A loop that calls G."""
    game = generator_of(shape, precision).game.current
    net, z, y = game.mean_nets.G.eval(), torch.randn(chunk, 64), torch.arange(chunk) % 10

    def play(k: int) -> None:
        with torch.inference_mode(), game.autocast():
            for _ in range(k * product.CHUNK // chunk):
                net(z, y)

    return play


def ours(shape: str, sink: str, precision: str = "fp32") -> Play:
    """`mintage sample` to an array, to pictures, or to nowhere."""
    generator = generator_of(shape, precision)
    place = tempfile.TemporaryDirectory()  # removed when this process ends, outside the clock
    numbers = itertools.count()

    def play(k: int) -> None:
        n = k * product.CHUNK
        if sink == "nowhere":
            for _ in generator.ready(n):
                pass
            return
        name = "a.npy" if sink == "array" else f"pictures-{next(numbers)}"
        with written(Path(place.name) / name, generator.spec, n) as add:
            for x in generator.ready(n):
                add(x)

    return play


def onnx_runtime(shape: str, chunk: int = product.CHUNK) -> Play:
    """A loop that calls G through ONNX Runtime."""
    import onnxruntime

    net = generator_of(shape, "fp32").game.current.mean_nets.G.eval()
    z, y = torch.randn(chunk, 64), torch.arange(chunk) % 10
    with tempfile.TemporaryDirectory() as folder:
        torch.onnx.export(net, (z, y), f"{folder}/g.onnx", dynamo=True, verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(f"{folder}/g.onnx", options, providers=["CPUExecutionProvider"])
    given = dict(zip([one.name for one in session.get_inputs()], [z.numpy(), y.numpy()], strict=True))
    with torch.inference_mode():
        off = (torch.from_numpy(session.run(None, given)[0]) - net(z, y)).abs().max()
    if off > 1e-4:
        raise ValueError(f"ONNX Runtime computes something else: off by {off:.1e}")

    def play(k: int) -> None:
        for _ in range(k * product.CHUNK // chunk):
            session.run(None, given)

    return play


def row_of(shape: str) -> Row:
    """All ways to sample images of one shape."""
    here, n = "bench.sampling:", product.CHUNK

    def side(name: str, made: str, **options: Any) -> Side:
        return Side(name, here + made, n, kept=True, options={"shape": shape, **options},
                    precision=options.get("precision", "fp32"), counted=made != "onnx_runtime")

    sides = [side("bare G", "bare"), side("nowhere", "ours", sink="nowhere"), side("array", "ours", sink="array"),
             side("pictures", "ours", sink="pictures"), side("bare G bf16", "bare", precision="bf16"),
             side("array bf16", "ours", sink="array", precision="bf16")]
    ratios = [Ratio("nowhere", "bare G", WANTED), Ratio("array", "bare G", WANTED),
              Ratio("pictures", "bare G", WANTED), Ratio("array bf16", "bare G bf16", WANTED),
              Ratio("array bf16", "array")]
    if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnxscript"):
        sides += [side("ONNX Runtime", "onnx_runtime"), side("ONNX Runtime, 50 at once", "onnx_runtime", chunk=50),
                  side("bare G, 50 at once", "bare", chunk=50)]
        ratios += [Ratio("array", "ONNX Runtime", {1: 1.0, 2: 1.0}), Ratio("array bf16", "ONNX Runtime"),
                   Ratio("ONNX Runtime", "bare G"), Ratio("ONNX Runtime, 50 at once", "bare G, 50 at once")]
    return Row(f"sampling, {shape} px", tuple(sides), tuple(ratios), unit="samples/s")


ROWS = tuple(map(row_of, SHAPES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each side of each row")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    record: dict[str, Any] = {"machine": this_machine(max(asked.threads)), "rows": []}
    for threads in asked.threads:
        for row in ROWS:
            record["rows"].append(run_row(row, threads=threads, seconds=asked.seconds, repeats=asked.repeats))
            print(table(record["rows"][-1:]), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
