"""PyTorch-GAN's WGAN-GP loop on a convolutional pair at 32 x 32, batch 64, and the same game played by mintage.

Theirs (Linder-Norén, PyTorch-GAN, implementations/wgan_gp): each step D sees reals and fakes apart, the fakes with
G's graph behind them; the penalty 10 E (|g| - 1)^2 between them by double backward; in every fifth step G moves on the
same latent. Adam (2e-4; .5, .999). The networks are not theirs, which are multilayer perceptrons: D has three
convolutions 4 x 4 of stride 2 with 64, 128 and 256 channels and leaky rectifiers, G mirrors it with transposed ones
and batch norm.

Ours: the same weights, latents and points between. No gradient reaches G while D moves, nor D's weights while G moves;
the penalty is `mintage.penalties.gradient_penalty` by the back-end named in the side.
"""

from __future__ import annotations

import copy
import functools
from typing import Any

import torch
from torch import Tensor, nn

from bench.loops import FOREVER, apart, drawn, examples, played, repeated, shuffled
from bench.pairing import Play, Ratio, Row, Side, both_allocators, gained
from mintage.data import Batches
from mintage.game import Game, Move, Player, Round, adam, generator, play, returns
from mintage.latent import normal
from mintage.networks.upsampling import DoublingConv2d
from mintage.objectives import wasserstein
from mintage.penalties import autograd, explicit, gradient_penalty

BATCH, LATENT, WEIGHT, TURNS = 64, 100, 10.0, 5


class ChannelsLast(nn.Unflatten):
    """The first maps, laid out as the convolutions after them like it."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).contiguous(memory_format=torch.channels_last)


def networks(*, quick: bool = False) -> tuple[nn.Module, nn.Module]:
    """(G, D) from seed 0; `quick` takes our forms of two of G's layers, the same function of the same
    weights."""
    torch.manual_seed(0)
    first = (ChannelsLast if quick else nn.Unflatten)(1, (256, 4, 4))
    last = DoublingConv2d(64, 1) if quick else nn.ConvTranspose2d(64, 1, 4, 2, 1)
    G = nn.Sequential(
        nn.Linear(LATENT, 256 * 4 * 4), first, nn.BatchNorm2d(256), nn.ReLU(),
        nn.ConvTranspose2d(256, 128, 4, 2, 1), nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.ReLU(), last, nn.Tanh())
    D = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 128, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(128, 256, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(256 * 4 * 4, 1))
    return G, D


class Theirs:
    """The peer's step."""

    def __init__(self, G: nn.Module, D: nn.Module) -> None:
        self.G, self.D, self.made = G, D, 0
        self.for_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.for_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(self, real: Tensor, z: Tensor, e: Tensor) -> tuple[float, float]:
        """(D's loss with its penalty, G's loss or nan) of one step."""
        self.for_d.zero_grad()
        fake = self.G(z)
        a, b = self.D(real), self.D(fake)
        loss = -a.mean() + b.mean() + WEIGHT * self.penalty(real.data, fake.data, e)
        loss.backward()
        self.for_d.step()
        self.for_g.zero_grad()
        g_loss = torch.tensor(float("nan"))
        if self.made % TURNS == 0:
            g_loss = -self.D(self.G(z)).mean()
            g_loss.backward()
            self.for_g.step()
        self.made += 1
        return loss.item(), g_loss.item()

    def penalty(self, real: Tensor, fake: Tensor, e: Tensor) -> Tensor:
        """(|g| - 1)^2 between reals and fakes."""
        between = (e * real + (1 - e) * fake).requires_grad_(True)
        logits = self.D(between)
        (g,) = torch.autograd.grad(logits, between, torch.ones_like(logits), create_graph=True, retain_graph=True)
        return ((g.view(g.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()


def theirs() -> Play:
    """The peer's loop."""
    side, reals = Theirs(*networks()), shuffled(BATCH)
    return repeated(lambda: side.step(next(reals), torch.randn(BATCH, LATENT), torch.rand(BATCH, 1, 1, 1)))


def critics(slope: str) -> Any:
    """D's move, its penalty through this back-end."""
    penalty = functools.partial(gradient_penalty, slope={"autograd": autograd, "explicit": explicit}[slope])

    @returns("loss", "penalty")
    def objective(nets: Any, round: Round) -> dict[str, Tensor]:
        z = round.notes["latent"] = round.draw(normal(LATENT))
        real = round.batch.x
        with torch.no_grad():
            fake = nets.G(z)
        logits = nets.D(torch.cat([real, fake.to(real)])).float()
        a, b = logits.squeeze(1).chunk(2)
        slopes = penalty(lambda x, y=None: nets.D(x).squeeze(1), real, fake.float(),
                         generator=round.generator("between"))
        return {"loss": wasserstein.critic(a, b), "penalty": slopes}

    return objective


@returns("loss")
def generators(nets: Any, round: Round) -> dict[str, Tensor]:
    """G's move, on D's latent."""
    return {"loss": wasserstein.generator(None, nets.D(nets.G(round.notes["latent"])).float())}


def game(precision: str, slope: str) -> Game:
    """The peer's game. A lazy move counts as often as it is rare, so its weight is 1 / TURNS."""
    G, D = networks(quick=True)
    step = adam(2e-4, 0.5, 0.999)
    return Game(nets={"G": G, "D": D}, players={"G": Player("G", step), "D": Player("D", step)},
                moves=[Move("D", critics(slope), weights={"penalty": WEIGHT}),
                       Move("G", generators, every=TURNS, weights={"loss": 1 / TURNS})]).to("cpu", precision)


def ours(precision: str, slope: str) -> Play:
    """The same game through mintage's own loop."""
    return played(game(precision, slope), examples(), BATCH)


def proof() -> float:
    """The largest difference of losses, relative to 1 or their size, in the first three steps from equal weights and
    draws, float32, for both back-ends."""
    batches, differ = Batches(examples(), BATCH, 0), 0.0
    for slope in ("autograd", "explicit"):
        G, D = networks()
        side, rounds = Theirs(copy.deepcopy(G), copy.deepcopy(D)), play(game("fp32", slope), batches, FOREVER, seed=0)
        for index in range(3):
            round = next(rounds)
            e = torch.rand(BATCH, generator=generator(round.seed, index, 0, 0, "between", 0)).view(-1, 1, 1, 1)
            d_loss, g_loss = side.step(batches(index * BATCH).x, drawn(round, 0, like=(BATCH, LATENT)), e)
            mine = round.stats["D/loss"] + WEIGHT * round.stats["D/penalty"]
            differ = max(differ, apart(mine, d_loss, 1.0))
            if index % TURNS == 0:
                differ = max(differ, apart(round.stats["G/loss"], g_loss, 1.0))
    return differ


HERE = "bench.peer_wgan_gp:"
PEER, KEPT = both_allocators("peer's loop", HERE + "theirs", BATCH)
ROW = Row(
    "WGAN-GP conv 32 px, batch 64",
    (PEER, KEPT, *(Side(f"mintage {precision}, {slope}", HERE + "ours", BATCH, True,
                        {"precision": precision, "slope": slope}, precision)
                   for precision in ("fp32", "bf16") for slope in ("autograd", "explicit"))),
    (Ratio("mintage bf16, explicit", PEER.name, wanted={1: 2.4, 2: 2.4}, ceiling={1: 2.34, 2: 2.3}),
     Ratio("mintage bf16, explicit", KEPT.name, ceiling={2: 2.1}),
     Ratio("mintage bf16, autograd", PEER.name, ceiling={1: 2.17, 2: 2.27}),
     Ratio("mintage fp32, explicit", PEER.name), Ratio("mintage fp32, autograd", PEER.name),
     gained(PEER, KEPT, ceiling={1: 1.1, 2: 1.1})),
    proof=HERE + "proof", period=TURNS,
)
