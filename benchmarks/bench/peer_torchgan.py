"""torchgan's DCGAN at 32 x 32 (step_channels 32, latent 100), batch 64: its networks and its trainer's loop written
longhand, and the same game played by mintage.

Theirs (Pal and Das, torchgan): G climbs from 1 x 1 by transposed convolutions of 4 x 4 with batch norm and leaky
rectifiers, D mirrors it; the "minimax" losses, non-saturating, from D's logits; G's loss first, on latents of its own,
then D's, on others, each with its own step; D's fakes are made with G's graph and detached, and D's weights are given
gradients while G moves. Adam (2e-4; .5, .999).

Ours: the same weights and draws, channels last; no graph is kept behind D's fakes, and D is frozen while G moves.

Left out on both sides: what is logged and drawn. Images have one channel; theirs are drawn in [-1, 1] as well.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from bench.loops import FOREVER, apart, drawn, examples, played, repeated, shuffled
from bench.pairing import Play, Ratio, Row, Side, both_allocators, gained
from mintage.data import Batches
from mintage.game import Game, Move, Player, Round, adam, play, returns
from mintage.latent import normal
from mintage.networks.precision import widened
from mintage.objectives import non_saturating

BATCH, LATENT, CHANNELS = 64, 100, 32


class Last(nn.Module):
    """A latent as a map of 1 x 1, its channels last in memory."""

    def forward(self, z: Tensor) -> Tensor:
        return z[:, :, None, None].contiguous(memory_format=torch.channels_last)


def networks() -> tuple[nn.Module, nn.Module]:
    """(G, D) from seed 0."""
    torch.manual_seed(0)
    widths = (4 * CHANNELS, 2 * CHANNELS, CHANNELS)
    up: list[nn.Module] = [nn.ConvTranspose2d(LATENT, widths[0], 4, 1, 0, bias=False), nn.BatchNorm2d(widths[0]),
                           nn.LeakyReLU(0.2)]
    for a, b in zip(widths, widths[1:], strict=False):
        up += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
    down: list[nn.Module] = [nn.Conv2d(1, CHANNELS, 4, 2, 1), nn.LeakyReLU(0.2)]
    for a, b in zip(widths[::-1], widths[-2::-1], strict=False):
        down += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
    return (nn.Sequential(Last(), *up, nn.ConvTranspose2d(CHANNELS, 1, 4, 2, 1), nn.Tanh()),
            nn.Sequential(*down, nn.Conv2d(widths[0], 1, 4), nn.Flatten(0)))


class Theirs:
    """The peer's step."""

    def __init__(self, G: nn.Module, D: nn.Module) -> None:
        self.G, self.D = G, D
        self.for_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.for_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(self, real: Tensor, for_g: Tensor, for_d: Tensor) -> tuple[float, float]:
        """(D's loss, G's loss) of one step."""
        self.for_g.zero_grad()
        g_loss = softplus(-self.D(self.G(for_g))).mean()
        g_loss.backward()
        self.for_g.step()
        self.for_d.zero_grad()
        d_loss = (softplus(-self.D(real)) + softplus(self.D(self.G(for_d).detach()))).mean()
        d_loss.backward()
        self.for_d.step()
        return d_loss.item(), g_loss.item()


def theirs() -> Play:
    """The peer's loop."""
    side, reals = Theirs(*networks()), shuffled(BATCH)
    return repeated(lambda: side.step(next(reals), torch.randn(BATCH, LATENT), torch.randn(BATCH, LATENT)))


@returns("loss")
def generators(nets: Any, round: Round) -> dict[str, Tensor]:
    """G's move."""
    return {"loss": non_saturating.generator(None, widened(nets.D(fakes(nets, round))))}


@returns("loss")
def critics(nets: Any, round: Round) -> dict[str, Tensor]:
    """D's move, on latents of its own."""
    fake = fakes(nets, round)
    return {"loss": non_saturating.critic(*(widened(nets.D(x)) for x in (round.batch.x.to(fake.dtype), fake)))}


def fakes(nets: Any, round: Round) -> Tensor:
    """G's images of this move's latents."""
    return nets.G(round.draw(normal(LATENT)).to(nets.D[0].weight.dtype))


def game(precision: str, dtype: torch.dtype = torch.float32) -> Game:
    """The peer's game."""
    (G, D), step = (net.to(dtype) for net in networks()), adam(2e-4, 0.5, 0.999)
    return Game(nets={"G": G, "D": D}, players={"G": Player("G", step), "D": Player("D", step)},
                moves=[Move("G", generators), Move("D", critics)]).to("cpu", precision)


def ours(precision: str) -> Play:
    """The same game through mintage's own loop."""
    return played(game(precision), examples(), BATCH)


def proof() -> float:
    """The largest relative difference of losses in the first three steps, from equal weights and draws, in float64.

    Adam begins with steps of one size whatever the gradient's, so in float32 rounding alone soon grows to 2e-4.
    """
    batches, differ, wide = Batches(examples(), BATCH, 0), 0.0, torch.float64
    side = Theirs(*(net.to(wide) for net in networks()))
    rounds = play(game("fp32", wide), batches, FOREVER, seed=0)
    for index in range(3):
        round = next(rounds)
        latents = [drawn(round, move, like=(BATCH, LATENT)).to(wide) for move in (0, 1)]
        for player, value in zip("DG", side.step(batches(index * BATCH).x.to(wide), *latents), strict=True):
            differ = max(differ, apart(round.stats[f"{player}/loss"], value))
    return differ


HERE = "bench.peer_torchgan:"
PEER, KEPT = both_allocators("peer", HERE + "theirs", BATCH)
ROW = Row(
    "DCGAN 32 px (torchgan), batch 64",
    (PEER, KEPT, *(Side(f"mintage {precision}", HERE + "ours", BATCH, True, {"precision": precision}, precision)
                   for precision in ("fp32", "bf16"))),
    (Ratio("mintage bf16", PEER.name), Ratio("mintage bf16", KEPT.name), Ratio("mintage fp32", PEER.name),
     Ratio("mintage fp32", KEPT.name), gained(PEER, KEPT)),
    proof=HERE + "proof",
)
