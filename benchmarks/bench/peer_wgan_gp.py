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
from torch.utils.data import DataLoader, TensorDataset

from bench.pairing import Play, Ratio, Row, Side
from bench.peer_dcgan import endless, examples, fused
from mintage.data import Batches
from mintage.game import Game, Move, Player, Round, adam, generator, play, returns
from mintage.latent import normal
from mintage.networks.upsampling import DoublingConv2d
from mintage.objectives import wasserstein
from mintage.penalties import autograd, explicit, gradient_penalty

BATCH, LATENT, WEIGHT, TURNS = 64, 100, 10.0, 5
FOREVER = 1 << 60


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
    """The peer's loop over a loader of images in memory."""
    data = examples()
    loader = DataLoader(TensorDataset(data.gather(torch.arange(len(data))).x), BATCH, shuffle=True, drop_last=True)
    side, stream = Theirs(*networks()), endless(loader)

    def steps(count: int) -> None:
        for _ in range(count):
            (real,) = next(stream)
            side.step(real, torch.randn(BATCH, LATENT), torch.rand(BATCH, 1, 1, 1))

    return steps


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
    step = fused(adam(2e-4, 0.5, 0.999))
    return Game(nets={"G": G, "D": D}, players={"G": Player("G", step), "D": Player("D", step)},
                moves=[Move("D", critics(slope), weights={"penalty": WEIGHT}),
                       Move("G", generators, every=TURNS, weights={"loss": 1 / TURNS})]).to("cpu", precision)


def ours(precision: str, slope: str) -> Play:
    """The same game through mintage's own loop and stream of batches."""
    rounds = play(game(precision, slope), Batches(examples(), BATCH, 0), FOREVER)

    def steps(count: int) -> None:
        for _ in range(count):
            next(rounds)

    return steps


def proof() -> float:
    """The largest difference of losses, relative to 1 or their size, in the first three steps from equal weights and
    draws, float32, for both back-ends."""
    batches, differ = Batches(examples(), BATCH, 0), 0.0
    for slope in ("autograd", "explicit"):
        G, D = networks()
        side, rounds = Theirs(copy.deepcopy(G), copy.deepcopy(D)), play(game("fp32", slope), batches, FOREVER, seed=0)
        for index in range(3):
            round = next(rounds)
            draws = [generator(round.seed, index, 0, 0, purpose, 0) for purpose in ("latent", "between")]
            z, e = normal(LATENT)(BATCH, draws[0]), torch.rand(BATCH, generator=draws[1]).view(-1, 1, 1, 1)
            d_loss, g_loss = side.step(batches(index * BATCH).x, z, e)
            mine = float(round.stats["D/loss"] + WEIGHT * round.stats["D/penalty"])
            differ = max(differ, abs(mine - d_loss) / max(1.0, abs(d_loss)))
            if index % TURNS == 0:
                differ = max(differ, abs(float(round.stats["G/loss"]) - g_loss) / max(1.0, abs(g_loss)))
    return differ


HERE = "bench.peer_wgan_gp:"
ROW = Row(
    "WGAN-GP conv 32 px, batch 64",
    (Side("peer's loop", HERE + "theirs", BATCH),
     Side("peer's loop, our allocator", HERE + "theirs", BATCH, kept=True),
     Side("mintage fp32, autograd", HERE + "ours", BATCH, True, {"precision": "fp32", "slope": "autograd"}),
     Side("mintage fp32, explicit", HERE + "ours", BATCH, True, {"precision": "fp32", "slope": "explicit"}),
     Side("mintage bf16, autograd", HERE + "ours", BATCH, True, {"precision": "bf16", "slope": "autograd"}),
     Side("mintage bf16, explicit", HERE + "ours", BATCH, True, {"precision": "bf16", "slope": "explicit"})),
    (Ratio("mintage bf16, explicit", "peer's loop", wanted={1: 2.4, 2: 2.4}, ceiling={1: 2.34, 2: 2.3}),
     Ratio("mintage bf16, explicit", "peer's loop, our allocator", ceiling={2: 2.1}),
     Ratio("mintage bf16, autograd", "peer's loop", ceiling={1: 2.17, 2: 2.27}),
     Ratio("mintage fp32, explicit", "peer's loop"),
     Ratio("mintage fp32, autograd", "peer's loop"),
     Ratio("peer's loop, our allocator", "peer's loop", ceiling={1: 1.1, 2: 1.1})),
    proof=HERE + "proof",
)
