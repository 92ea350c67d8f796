"""What the back-ends of a penalty cost: milliseconds for the critic's loss on reals and fakes and R1 + R2, with the
weights' gradients, as in one round of the critic. With one thread the clock is the process's CPU time, else the wall.
"joined" finds the slopes in the loss's own pass and both gradients at once (mintage.penalties.joined); "explicit" is
the same for the penalty alone, in a pass of its own.

    python benchmarks/penalty_backends.py [--batch 64] [--repeats 9] [--threads 1] [--device cpu]

Repeats are interleaved, so that a neighbour's load meets all back-ends alike; medians are printed, and by how much the
weights' gradients differ from autograd's at the same precision. "forward-mode" is <g, v> by torch.func.jvp, which the
package does not use: it runs the critic's values once more and, in critics with torch's own leaky rectifier, sends
zeros through them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from mintage.networks import DCGANDiscriminator, ResidualDiscriminator
from mintage.objectives import relativistic_paired
from mintage.penalties import (
    Slope,
    autograd,
    explicit,
    finite_difference,
    known,
    on_pair,
    on_share,
    piecewise_linear,
    zero_centred,
)

SHAPE = (1, 28, 28)


def forward_mode(critic: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    """s = |g|^2 with the weights' gradient through torch.func.jvp."""
    x = x.detach().requires_grad_(True)
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    _, product = torch.func.jvp(critic, (x.detach(),), (g,))
    return 2 * product - product.detach()


def critics() -> dict[str, nn.Module]:
    """The compact residual critic, the paper's, and DCGAN's without batch norm."""
    torch.manual_seed(0)
    dcgan = DCGANDiscriminator(SHAPE, size="S", batch_norm=False)
    for module in dcgan.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)  # DCGAN's own first weights give slopes near zero
    return {"residual S": ResidualDiscriminator(SHAPE, size="S"), "DCGAN S": dcgan,
            "residual M": ResidualDiscriminator(SHAPE, size="M")}


def round_of(D: nn.Module, slope: Slope | None, share: float, real: Tensor, fake: Tensor, cast: bool) -> Tensor:
    """The weights' gradients of the loss, with penalties unless slope is None; one vector."""
    with torch.autocast(real.device.type, torch.bfloat16, enabled=cast):
        a, b = D(torch.cat([real, fake])).chunk(2)
        loss = relativistic_paired.critic(a.float(), b.float())
        if slope is not None:
            penalty = on_share(lambda critic, x, y=None: zero_centred(critic, x, y, slope=slope), share)
            loss = loss + penalty(D, real, None) + penalty(D, fake, None)
    return gradient(D, loss)


def joined_round(D: nn.Module, share: float, real: Tensor, fake: Tensor, cast: bool) -> Tensor:
    """The same with penalties in the loss's pass."""
    with torch.autocast(real.device.type, torch.bfloat16, enabled=cast):
        a, b, on_real, on_fake = on_pair(D, real, fake, None, share)
        loss = relativistic_paired.critic(a, b) + zero_centred(D, real, slope=known(on_real))
        loss = loss + zero_centred(D, fake, slope=known(on_fake))
    return gradient(D, loss)


def gradient(D: nn.Module, loss: Tensor) -> Tensor:
    """d loss / d weights, one vector."""
    parameters = list(D.parameters())
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten()
                      for g, p in zip(found, parameters, strict=True)])


def measure(work: Mapping[str, Callable[[], Tensor]], repeats: int, device: str) -> dict[str, tuple[float, Tensor]]:
    """name -> (median milliseconds, the last result); one repeat of each is not counted."""
    times: dict[str, list[float]] = {name: [] for name in work}
    last: dict[str, Tensor] = {}
    clock = time.process_time if torch.get_num_threads() == 1 and device == "cpu" else time.perf_counter
    for repeat in range(repeats + 1):
        for name, function in work.items():
            start = clock()
            last[name] = function()
            if device != "cpu":
                torch.cuda.synchronize()
            if repeat:
                times[name].append(1e3 * (clock() - start))
    return {name: (statistics.median(times[name]), last[name]) for name in work}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    generator = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(given.batch, *SHAPE, generator=generator).to(given.device) for _ in range(2))
    print(f"batch {given.batch}, {given.threads} threads, {given.device}, median of {given.repeats}; in ( ) the part "
          "of the batch that is penalised")
    for critic, net in critics().items():
        D = net.to(given.device).to(memory_format=torch.channels_last)
        piecewise_linear(D, real[:8])
        drawing = torch.Generator(given.device).manual_seed(1)
        slopes: dict[str, Slope | None] = {"loss alone": None, "autograd": autograd, "explicit": explicit,
                                           "finite-difference": finite_difference(drawing)}
        if critic.startswith("DCGAN"):
            slopes["forward-mode"] = forward_mode  # our own rectifier has no forward mode
        for cast in (False, True):
            for share in (1.0, 0.25):
                work = {name: lambda slope=slope: round_of(D, slope, share, real, fake, cast)  # noqa: B023
                        for name, slope in slopes.items()}
                work["joined"] = lambda: joined_round(D, share, real, fake, cast)  # noqa: B023
                results = measure(work, given.repeats, given.device)
                base, reference = results["autograd"]
                for name, (ms, found) in results.items():
                    off = float((found - reference).norm() / reference.norm())
                    note = "" if name in ("loss alone", "finite-difference") else f"   gradients differ by {off:.0e}"
                    print(f"{critic:11s} {'bf16' if cast else 'fp32'} ({share:4.2f})  {name:18s} {ms:8.1f} ms   "
                          f"autograd / this {base / ms:5.2f}{note}", flush=True)


if __name__ == "__main__":
    main()
