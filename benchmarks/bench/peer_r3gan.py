"""R3GAN's networks at 32 x 32, shrunk to 96 channels in groups of 16, batch 32: its loop written longhand, and the same
game played by mintage.

Theirs (Huang et al., R3GAN): four stages of two inverted blocks, weights cast to the type of the maps at each use, the
three larger stages in bfloat16 as shipped or in float32; filters (1, 3, 3, 1) / 8, as convolutions of one channel each
(`maps`, theirs) or depth-wise (`depthwise`); the paired relativistic loss with R1 and R2 on every example in every
round by double backward through the loss's own passes, reals and fakes apart; D is frozen while G moves, which draws
latents of its own; Adam (2e-4; 0, .99).

Ours: the same weights and draws with the parts of mintage: channels-last, filters whose gradient is a filter, biases in
the convolutions, and the joint gradient of loss and penalties (`mintage.penalties.joined`).

Left out on both sides: averages of the weights, schedules, what is printed. Images have one channel.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, softplus

from bench.loops import FOREVER, apart, drawn, examples, played, repeated, shuffled
from bench.pairing import Play, Ratio, Row, Side, both_allocators, gained
from mintage.data import Batches
from mintage.game import Game, Move, Optimizer, Player, Round, Terms, play, returns
from mintage.latent import normal
from mintage.networks.heads import BasisHead
from mintage.networks.precision import widened
from mintage.networks.residual_stages import climb, descent
from mintage.objectives import relativistic_paired
from mintage.penalties import known, on_pair, r1, r2

BATCH, LATENT, WIDTH, GROUP, STAGES, BLOCKS, CHANNELS, GAMMA = 32, 64, 96, 16, 4, 2, 1, 0.05


class Net(nn.Module):
    """A network of theirs, as a list of weights in the order of use, and what type each stage has."""

    def __init__(self, weights: list[Tensor], types: list[torch.dtype], resample: str) -> None:
        super().__init__()
        self.weights, self.types, self.resample = nn.ParameterList(weights), types, resample
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("taps", torch.outer(taps, taps)[None, None])

    def block(self, x: Tensor, own: Any) -> Tensor:
        """x + P a(K a(E x))."""
        y = self.activation(self.convolution(x, next(own)), next(own))
        y = self.activation(self.convolution(y, next(own), 1, 2 * WIDTH // GROUP), next(own))
        return x + self.convolution(y, next(own))

    @staticmethod
    def convolution(x: Tensor, w: Tensor, padding: int = 0, groups: int = 1) -> Tensor:
        """A convolution with the weight in the type of x."""
        return conv2d(x, w.to(x.dtype), padding=padding, groups=groups)

    @staticmethod
    def activation(x: Tensor, b: Tensor) -> Tensor:
        """A bias, then a leaky rectifier."""
        return leaky_relu(x + b.to(x.dtype).view(1, -1, 1, 1), 0.2)

    def resampled(self, x: Tensor, up: bool) -> Tensor:
        """Doubled or halved."""
        n, c, h, w = x.shape
        alone = self.resample == "maps"
        kernel = self.taps.to(x.dtype) * (4 if up else 1)
        function, groups = (conv_transpose2d if up else conv2d), 1 if alone else c
        y = function(x.reshape(n * c, 1, h, w) if alone else x, kernel.expand(groups, 1, 4, 4), stride=2, padding=1,
                     groups=groups)
        return y.view(n, c, *y.shape[2:])


class Generator(Net):
    """z [N, 64] -> x [N, 1, 32, 32]."""

    def forward(self, z: Tensor) -> Tensor:
        own = iter(self.weights)
        x = next(own).view(1, -1, 4, 4) * (z @ next(own).t()).view(len(z), -1, 1, 1)
        for stage, kind in enumerate(self.types):
            x = x.to(kind)
            x = self.resampled(x, up=True) if stage else x
            for _ in range(BLOCKS):
                x = self.block(x, own)
        return self.convolution(x, next(own))


class Critic(Net):
    """x [N, 1, 32, 32] -> logits [N]."""

    def forward(self, x: Tensor) -> Tensor:
        own = iter(self.weights)
        x = self.convolution(x.to(self.types[0]), next(own))
        for stage, kind in enumerate(self.types):
            x = x.to(kind)
            for _ in range(BLOCKS):
                x = self.block(x, own)
            x = self.resampled(x, up=False) if stage < STAGES - 1 else x
        features = conv2d(x, next(own).unsqueeze(1), groups=WIDTH).flatten(1)
        return (features @ next(own).t()).view(len(x))


class OurGenerator(nn.Module):
    """The same function of the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(WIDTH, 4, 4))
        self.mix = nn.Linear(LATENT, WIDTH, bias=False)
        self.maps = nn.Sequential(*climb([WIDTH] * STAGES, BLOCKS, GROUP, CHANNELS))

    def forward(self, z: Tensor) -> Tensor:
        h = self.basis * self.mix(z).unflatten(1, (-1, 1, 1))
        return widened(self.maps(h.contiguous(memory_format=torch.channels_last)))


class OurCritic(nn.Module):
    """The same function of the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(*descent([WIDTH] * STAGES, BLOCKS, GROUP, CHANNELS))
        self.head = BasisHead(WIDTH, (4, 4), 0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.maps(x), None)


def networks() -> tuple[OurGenerator, OurCritic]:
    """Our pair from seed 0; no weight is zero, as none is after the first steps."""
    torch.manual_seed(0)
    G, D = OurGenerator(), OurCritic()
    with torch.no_grad():
        for parameter in itertools.chain(G.parameters(), D.parameters()):
            if not parameter.any():
                parameter.normal_(0, 0.2 / math.sqrt(max(1, parameter[0].numel())))
    return G, D


def their_weights(net: nn.Module) -> list[Tensor]:
    """Copies of our weights in the order in which their network uses them."""
    ours = {name: p.detach().clone() for name, p in net.named_parameters()}
    parts = ("expand.weight", "first.bias", "spatial.weight", "second.bias", "project.weight")
    order: list[str] = [name for name in ("basis", "mix.weight") if name in ours]
    for index in range(len(net.maps)):  # type: ignore[arg-type]
        order += [name for name in (f"maps.{index}.{part}" for part in ("weight", *parts)) if name in ours]
    return [ours[name] for name in (*order, *(name for name in ("head.basis", "head.vectors") if name in ours))]


class Theirs:
    """The peer's step."""

    def __init__(self, G: nn.Module, D: nn.Module, *, shipped: bool, resample: str) -> None:
        types = [torch.float32] + [torch.bfloat16 if shipped else torch.float32] * (STAGES - 1)
        self.G = Generator(their_weights(G), types, resample)
        self.D = Critic(their_weights(D), types[::-1], resample)
        self.for_g = torch.optim.Adam(self.G.parameters(), lr=2e-4, betas=(0.0, 0.99))
        self.for_d = torch.optim.Adam(self.D.parameters(), lr=2e-4, betas=(0.0, 0.99))

    def step(self, real: Tensor, z_d: Tensor, z_g: Tensor) -> tuple[float, float]:
        """(D's loss with penalties, G's loss) of one step."""
        self.for_d.zero_grad()
        self.G.requires_grad_(False)
        d_loss = self.critics(real, z_d)
        d_loss.backward()
        self.for_d.step()
        self.G.requires_grad_(True)
        self.D.requires_grad_(False)
        self.for_g.zero_grad()
        g_loss = softplus(self.D(real).float() - self.D(self.G(z_g)).float()).mean()
        g_loss.backward()
        self.for_g.step()
        self.D.requires_grad_(True)
        return d_loss.item(), g_loss.item()

    def critics(self, real: Tensor, z: Tensor) -> Tensor:
        """D's loss and penalties."""
        real, fake = real.detach().requires_grad_(True), self.G(z).detach().requires_grad_(True)
        a, b = self.D(real), self.D(fake)
        slopes = [torch.autograd.grad(logits.sum(), x, create_graph=True)[0].float().square().sum((1, 2, 3))
                  for logits, x in ((a, real), (b, fake))]
        return (softplus(b.float() - a.float()) + GAMMA / 2 * (slopes[0] + slopes[1])).mean()


def theirs(shipped: bool, resample: str) -> Play:
    """The peer's loop."""
    side, reals = Theirs(*networks(), shipped=shipped, resample=resample), shuffled(BATCH)
    return repeated(lambda: side.step(next(reals), torch.randn(BATCH, LATENT), torch.randn(BATCH, LATENT)))


@returns("loss", "r1", "r2")
def critics(nets: Any, round: Round) -> Terms:
    """D's move: loss and penalties in one gradient."""
    real, fake = round.batch.x, nets.G(round.draw(normal(LATENT)))
    a, b, on_real, on_fake = on_pair(nets.D, real, fake, None)
    return {"loss": relativistic_paired.critic(a, b), "r1": r1(nets.D, real, slope=known(on_real)),
            "r2": r2(nets.D, fake, slope=known(on_fake))}


@returns("loss")
def generators(nets: Any, round: Round) -> Terms:
    """G's move, on latents of its own."""
    return {"loss": relativistic_paired.generator(nets.D(round.batch.x), nets.D(nets.G(round.draw(normal(LATENT)))))}


def game(precision: str) -> Game:
    """The peer's game."""
    G, D = networks()
    step = Optimizer(torch.optim.Adam, {"lr": 2e-4, "beta1": 0.0, "beta2": 0.99}, {"fused": True})
    return Game(nets={"G": G, "D": D}, players={"G": Player("G", step), "D": Player("D", step)},
                moves=[Move("D", critics, weights={"r1": GAMMA, "r2": GAMMA}), Move("G", generators)]
                ).to("cpu", precision)


def ours(precision: str) -> Play:
    """The same game through mintage's own loop."""
    return played(game(precision), examples(), BATCH)


def proof() -> float:
    """How far we are from the peer in float32: losses of two steps from equal weights and draws, and before them D's
    weight gradient of loss and penalties, relative to its norm."""
    batches, differ = Batches(examples(), BATCH, 0), 0.0
    G, D = networks()
    side = Theirs(G, D, shipped=False, resample="maps")
    real, z = batches(0).x, torch.randn(BATCH, LATENT, generator=torch.Generator().manual_seed(1))
    expected = torch.autograd.grad(side.critics(real, z), list(side.D.parameters()))
    with torch.no_grad():
        fake = G(z)
    a, b, s, t = on_pair(D, real, fake, None)
    total = relativistic_paired.critic(a, b) + GAMMA / 2 * (s.mean() + t.mean())
    total.backward()
    found = their_weights_of_gradients(D)
    differ = max(differ, float(torch.cat([(p - q).flatten() for p, q in zip(found, expected, strict=True)]).norm()
                               / torch.cat([q.flatten() for q in expected]).norm()))
    rounds = play(game("fp32"), batches, FOREVER, seed=0)
    for index in range(2):
        round = next(rounds)
        d_loss, g_loss = side.step(batches(index * BATCH).x, *(drawn(round, k, like=(BATCH, LATENT)) for k in (0, 1)))
        mine = round.stats["D/loss"] + GAMMA * (round.stats["D/r1"] + round.stats["D/r2"])
        differ = max(differ, apart(mine, d_loss), apart(round.stats["G/loss"], g_loss))
    return differ


def their_weights_of_gradients(net: nn.Module) -> list[Tensor]:
    """The gradients of our weights in their order."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(parameter.grad)
    return their_weights(net)


HERE = "bench.peer_r3gan:"
PEER, KEPT = both_allocators("peer", HERE + "theirs", BATCH, "bf16", shipped=True, resample="maps")
WIDER, WIDER_KEPT = both_allocators("peer in fp32", HERE + "theirs", BATCH, shipped=False, resample="maps")
FILTERS = Side("peer, depth-wise filters", HERE + "theirs", BATCH, options={"shipped": True, "resample": "depthwise"},
               precision="bf16")
ROW = Row(
    "R3GAN 32 px, 96 wide, batch 32",
    (PEER, KEPT, FILTERS, WIDER, WIDER_KEPT, *(
        Side(f"mintage {precision}", HERE + "ours", BATCH, True, {"precision": precision}, precision)
        for precision in ("bf16", "fp32"))),
    (Ratio("mintage bf16", PEER.name, wanted={1: 2.0, 2: 2.0}, ceiling={1: 1.72, 2: 1.83}),
     Ratio("mintage bf16", KEPT.name), Ratio("mintage bf16", FILTERS.name),
     Ratio("mintage fp32", WIDER.name, wanted={1: 2.2, 2: 2.2}, ceiling={1: 1.81, 2: 2.1}),
     Ratio("mintage fp32", WIDER_KEPT.name), gained(PEER, KEPT), gained(WIDER, WIDER_KEPT)),
    proof=HERE + "proof",
)
