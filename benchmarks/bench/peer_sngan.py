"""mimicry's SNGAN at 32 x 32, batch 64, five steps of D for one of G: its networks and its loop written longhand, and
the same game played by mintage.

Theirs (Lee and Town, mimicry, nets/sngan): residual networks of width 256 (G) and 128 (D); G doubles bilinearly before
a convolution, also in the skip; D is spectrally normalised by one power iteration at each use, and sees reals and fakes
apart; the hinge loss; Adam (2e-4; 0, .9). A step is G's update, then five of D, each on fresh reals and latents. D's
fakes are made with G's graph and then detached, and D's weights are given gradients while G moves.

Ours: the same weights and draws. In D a convolution and the pooling behind it are one, and skips pool before they
convolve; in G skips convolve before they double; all are equal. No graph is kept behind D's fakes, D is frozen while G
moves, and maps are channels-last. Reals and fakes stay apart, because each use of D moves its norms.

Left out on both sides: the schedule of rates, what is logged. Images have one channel.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, linear, normalize, relu

from bench.loops import FOREVER, apart, drawn, examples, played, repeated, shuffled
from bench.pairing import Play, Ratio, Row, Side, both_allocators, gained
from mintage.data import Batches
from mintage.game import Game, Move, Optimizer, Player, Round, Terms, play, returns
from mintage.latent import normal
from mintage.networks.precision import widened
from mintage.networks.spectral import spectral_norm
from mintage.networks.upsampling import PooledConv2d
from mintage.objectives import hinge

BATCH, LATENT, WIDE, NARROW, TURNS, CHANNELS = 64, 128, 256, 128, 5, 1


def doubled(x: Tensor) -> Tensor:
    """Twice the sides, bilinearly."""
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Rising(nn.Module):
    """G's block: x -> conv(a(bn(conv(up(a(bn x)))))) + skip."""

    def __init__(self, quick: bool) -> None:
        super().__init__()
        self.quick = quick
        self.b1, self.b2 = nn.BatchNorm2d(WIDE), nn.BatchNorm2d(WIDE)
        self.c1, self.c2 = nn.Conv2d(WIDE, WIDE, 3, 1, 1), nn.Conv2d(WIDE, WIDE, 3, 1, 1)
        self.skip = nn.Conv2d(WIDE, WIDE, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.c2(relu(self.b2(self.c1(doubled(relu(self.b1(x), inplace=True)))), inplace=True))
        return h + (doubled(self.skip(x)) if self.quick else self.skip(doubled(x)))


class Generator(nn.Module):
    """z [N, 128] -> x [N, 1, 32, 32] in (-1, 1)."""

    def __init__(self, quick: bool) -> None:
        super().__init__()
        self.quick = quick
        self.first = nn.Linear(LATENT, 16 * WIDE)
        self.blocks = nn.Sequential(*(Rising(quick) for _ in range(3)))
        self.norm, self.last = nn.BatchNorm2d(WIDE), nn.Conv2d(WIDE, CHANNELS, 3, 1, 1)

    def forward(self, z: Tensor) -> Tensor:
        h = self.first(z).view(len(z), WIDE, 4, 4)
        h = self.blocks(h.contiguous(memory_format=torch.channels_last) if self.quick else h)
        return widened(self.last(relu(self.norm(h), inplace=True))).tanh()


class Falling(nn.Module):
    """D's block; `first` has no rectifier in front and pools its skip before the convolution, `pooled` halves."""

    def __init__(self, a: int, *, first: bool = False, pooled: bool = True, quick: bool = False) -> None:
        super().__init__()
        self.first, self.pooled, self.quick = first, pooled, quick
        self.c1 = nn.Conv2d(a, NARROW, 3, 1, 1)
        self.c2 = (PooledConv2d if quick and pooled else nn.Conv2d)(NARROW, NARROW, 3, 1, 1)
        self.skip = nn.Conv2d(a, NARROW, 1) if pooled else None

    def forward(self, x: Tensor) -> Tensor:
        h = self.c1(x if self.first else relu(x))
        h = h.contiguous(memory_format=torch.channels_last) if self.quick else h
        h = self.c2(relu(h, inplace=True))
        if self.skip is None:
            return h + x
        if self.quick:
            return h + self.skip(avg_pool2d(x, 2))
        skip = self.skip(avg_pool2d(x, 2)) if self.first else avg_pool2d(self.skip(x), 2)
        return avg_pool2d(h, 2) + skip


class Critic(nn.Module):
    """x [N, 1, 32, 32] -> logits [N]."""

    def __init__(self, quick: bool) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            Falling(CHANNELS, first=True, quick=quick), Falling(NARROW, quick=quick),
            Falling(NARROW, pooled=False, quick=quick), Falling(NARROW, pooled=False, quick=quick))
        self.last = nn.Linear(NARROW, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = widened(relu(self.blocks(x))).sum((2, 3))
        return widened(self.last(features)).squeeze(1)


def plain() -> tuple[Generator, Critic]:
    """Our pair with the peer's first weights, drawn from seed 0, without spectral norms."""
    torch.manual_seed(0)
    G, D = Generator(quick=True), Critic(quick=True)
    for net in (G, D):
        for name, module in net.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight, math.sqrt(2.0) if name.endswith(("c1", "c2")) else 1.0)
    return G, D


def networks() -> tuple[Generator, nn.Module]:
    """The pair of the game."""
    G, D = plain()
    return G, spectral_norm(D)


class Normalised(nn.Module):
    """Their layer with a spectral norm: one power iteration at each use."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty_like(layer.weight)), layer.bias
        self.padding = getattr(layer, "padding", 0)
        self.register_buffer("u", torch.empty(1, len(self.weight)))

    def forward(self, x: Tensor) -> Tensor:
        matrix = self.weight.view(len(self.weight), -1)
        with torch.no_grad():
            v = normalize(self.u @ matrix, eps=1e-12)
            u = normalize(v @ matrix.t(), eps=1e-12)
        sigma = u @ (matrix @ v.t())
        with torch.no_grad():
            self.u[:] = u
        weight = self.weight / sigma
        return linear(x, weight, self.bias) if weight.ndim == 2 else conv2d(x, weight, self.bias, padding=self.padding)


def counterparts(G: nn.Module, D: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Their pair with copies of our weights and vectors."""
    theirs, critic = Generator(quick=False), Critic(quick=False)
    theirs.load_state_dict(G.state_dict())
    state = {name: tensor.clone() for name, tensor in D.state_dict().items()}
    for name, layer in list(critic.named_modules()):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            new = Normalised(layer)
            new.load_state_dict({"weight": state[f"{name}.parametrizations.weight.original"],
                                 "bias": state[f"{name}.bias"],
                                 "u": state[f"{name}.parametrizations.weight.0.u"][None]})
            parent, _, own = name.rpartition(".")
            setattr(critic.get_submodule(parent), own, new)
    return theirs, critic


class Theirs:
    """The peer's steps."""

    def __init__(self, G: nn.Module, D: nn.Module) -> None:
        self.G, self.D = counterparts(G, D)
        self.for_g = torch.optim.Adam(self.G.parameters(), lr=2e-4, betas=(0.0, 0.9))
        self.for_d = torch.optim.Adam(self.D.parameters(), lr=2e-4, betas=(0.0, 0.9))

    def generators(self, z: Tensor) -> float:
        """G's update -> its loss."""
        self.G.zero_grad()
        loss = -self.D(self.G(z)).mean()
        loss.backward()
        self.for_g.step()
        return loss.item()

    def critics(self, real: Tensor, z: Tensor) -> float:
        """One update of D -> its loss."""
        self.D.zero_grad()
        a, b = self.D(real), self.D(self.G(z).detach())
        loss = relu(1.0 - a).mean() + relu(1.0 + b).mean()
        loss.backward()
        self.for_d.step()
        torch.sigmoid(a).mean().item(), torch.sigmoid(b).mean().item()
        return loss.item()


def theirs() -> Play:
    """The peer's loop."""
    return repeated(functools.partial(peers_step, Theirs(*networks()), shuffled(BATCH)))


def peers_step(side: Any, reals: Iterator[Tensor]) -> None:
    """One update of G, then D's."""
    side.generators(torch.randn(BATCH, LATENT))
    for _ in range(TURNS):
        side.critics(next(reals), torch.randn(BATCH, LATENT))


@returns("loss")
def generators(nets: Any, round: Round) -> Terms:
    """G's move."""
    return {"loss": hinge.generator(None, nets.D(fakes(nets, round)))}


@returns("loss")
def critics(nets: Any, round: Round) -> Terms:
    """D's move."""
    real, fake = round.batch.x.to(nets.G.first.weight.dtype), fakes(nets, round)
    return {"loss": hinge.critic(nets.D(real), nets.D(fake))}


def fakes(nets: Any, round: Round) -> Tensor:
    """G's images of this turn's latents."""
    return nets.G(round.draw(normal(LATENT)).to(nets.G.first.weight.dtype))


def game(precision: str, dtype: torch.dtype = torch.float32, turns: int = TURNS) -> Game:
    """The peer's game."""
    G, D = (net.to(dtype) for net in networks())
    step = Optimizer(torch.optim.Adam, {"lr": 2e-4, "beta1": 0.0, "beta2": 0.9}, {"fused": True})
    return Game(nets={"G": G, "D": D}, players={"G": Player("G", step), "D": Player("D", step)},
                moves=[Move("G", generators), Move("D", critics, repeat=turns)]).to("cpu", precision)


def ours(precision: str) -> Play:
    """The same game through mintage's own loop."""
    return played(game(precision), examples(), BATCH)


def proof() -> float:
    """The largest difference of losses, relative to 1 or their size, on batches of 8 from equal weights, norms and
    draws: in float32 of G's first update and D's first; in float64 of two whole steps, of G and of D's last turns.

    Adam without momentum begins with steps of one size whatever the gradient's, so float32's rounding grows tenfold
    with each update of D.
    """
    return max(_apart(torch.float32, 1, 1), _apart(torch.float64, TURNS, 2))


def _apart(dtype: torch.dtype, turns: int, steps: int) -> float:
    n, differ = 8, 0.0
    batches = Batches(examples(), n, 0)
    side = Theirs(*(net.to(dtype) for net in networks()))
    side.G.to(dtype), side.D.to(dtype)
    rounds = play(game("fp32", dtype, turns), batches, FOREVER, seed=0)
    for index in range(steps):
        round = next(rounds)

        def latent(move: int, turn: int) -> Tensor:
            return drawn(round, move, turn, like=(n, LATENT)).to(dtype)  # noqa: B023

        g_loss, d_loss = side.generators(latent(0, 0)), 0.0
        for turn in range(turns):
            d_loss = side.critics(batches((index * turns + turn) * n).x.to(dtype), latent(1, turn))
        differ = max(differ, apart(round.stats["G/loss"], g_loss, 1.0), apart(round.stats["D/loss"], d_loss, 1.0))
    return differ


HERE = "bench.peer_sngan:"
PEER, KEPT = both_allocators("peer", HERE + "theirs", BATCH * TURNS)
ROW = Row(
    "SNGAN 32 px (mimicry), batch 64, 5 to 1",
    (PEER, KEPT, *(Side(f"mintage {precision}", HERE + "ours", BATCH * TURNS, True, {"precision": precision}, precision)
                   for precision in ("fp32", "bf16"))),
    (Ratio("mintage bf16", PEER.name, wanted={1: 2.0, 2: 2.0}), Ratio("mintage bf16", KEPT.name),
     Ratio("mintage fp32", PEER.name), Ratio("mintage fp32", KEPT.name), gained(PEER, KEPT)),
    proof=HERE + "proof",
)
