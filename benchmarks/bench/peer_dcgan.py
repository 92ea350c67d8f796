"""PyTorch-GAN's DCGAN at 32 x 32, batch 64: its networks and its loop written longhand, and the same game played by
mintage.

Theirs (Linder-Norén, PyTorch-GAN, implementations/dcgan): G doubles by nearest neighbour and then convolves, with batch
norm of eps 0.8; D has strided convolutions, leaky rectifiers, dropout of whole channels and ends in a sigmoid; binary
cross-entropy; G moves first on a fresh latent, D then sees the same fakes, detached, apart from the reals; Adam
(2e-4; .5, .999). Nothing of D is frozen while G moves.

Ours: the same weights and draws, channels last. The doubling is folded into the convolution, the loss is taken from
logits, D's weights are frozen while G moves, and the fakes travel from G's move to D's in a note.

Left out on both sides: what is printed and the sheets of samples.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from bench.loops import FOREVER, apart, drawn, examples, played, repeated, shuffled
from bench.pairing import Play, Ratio, Row, Side, both_allocators, gained
from mintage.data import Batches
from mintage.game import Game, Move, Player, Round, adam, play, returns
from mintage.latent import normal
from mintage.networks.upsampling import fold_upsampling
from mintage.objectives import non_saturating

BATCH, LATENT = 64, 100


class Generator(nn.Module):
    """z [N, 100] -> x [N, 1, 32, 32] in (-1, 1)."""

    layout = torch.contiguous_format

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(LATENT, 128 * 8 * 8)
        self.maps = nn.Sequential(
            nn.BatchNorm2d(128), nn.Upsample(scale_factor=2), nn.Conv2d(128, 128, 3, padding=1),
            nn.BatchNorm2d(128, 0.8), nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2), nn.Conv2d(128, 64, 3, padding=1),
            nn.BatchNorm2d(64, 0.8), nn.LeakyReLU(0.2), nn.Conv2d(64, 1, 3, padding=1), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.maps(self.first(z).view(-1, 128, 8, 8).contiguous(memory_format=self.layout))


class Critic(nn.Module):
    """x [N, 1, 32, 32] -> logits [N, 1]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for a, b in ((1, 16), (16, 32), (32, 64), (64, 128)):
            layers += [nn.Conv2d(a, b, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)]
            layers += [nn.BatchNorm2d(b, 0.8)] if a > 1 else []
        self.maps = nn.Sequential(*layers)
        self.last = nn.Linear(128 * 2 * 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.maps(x).flatten(1))


def networks() -> tuple[Generator, Critic]:
    """The pair with the peer's first weights, drawn from seed 0."""
    torch.manual_seed(0)
    pair = Generator(), Critic()
    for net in pair:
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)
    return pair


class Theirs:
    """The peer's step."""

    def __init__(self, G: nn.Module, D: nn.Module) -> None:
        self.G, self.D, self.loss = G, nn.Sequential(D, nn.Sigmoid()), nn.BCELoss()
        self.for_g = torch.optim.Adam(self.G.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.for_d = torch.optim.Adam(self.D.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(self, real: Tensor, z: Tensor) -> tuple[float, float]:
        """(D's loss, G's loss) of one step."""
        valid, fake = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        self.for_g.zero_grad()
        made = self.G(z)
        g_loss = self.loss(self.D(made), valid)
        g_loss.backward()
        self.for_g.step()
        self.for_d.zero_grad()
        d_loss = (self.loss(self.D(real), valid) + self.loss(self.D(made.detach()), fake)) / 2
        d_loss.backward()
        self.for_d.step()
        return d_loss.item(), g_loss.item()


def theirs() -> Play:
    """The peer's loop."""
    side, reals = Theirs(*networks()), shuffled(BATCH)
    return repeated(lambda: side.step(next(reals), torch.randn(BATCH, LATENT)))


@returns("loss")
def generators(nets: Any, round: Round) -> dict[str, Tensor]:
    """G's move; its fakes stay for D's."""
    fake = round.notes["fake"] = nets.G(round.draw(normal(LATENT)))
    return {"loss": non_saturating.generator(None, nets.D(fake).float())}


@returns("loss")
def critics(nets: Any, round: Round) -> dict[str, Tensor]:
    """D's move on reals and on the fakes of G's move."""
    real, fake = nets.D(round.batch.x).float(), nets.D(round.notes["fake"].detach()).float()
    return {"loss": non_saturating.critic(real, fake) / 2}


def game(precision: str) -> Game:
    """The peer's game, ready to be played."""
    G, D = networks()
    G.layout = torch.channels_last
    step = adam(2e-4, 0.5, 0.999)
    return Game(nets={"G": fold_upsampling(G), "D": D}, players={"G": Player("G", step), "D": Player("D", step)},
                moves=[Move("G", generators), Move("D", critics)]).to("cpu", precision)


def ours(precision: str) -> Play:
    """The same game through mintage's own loop."""
    return played(game(precision), examples(), BATCH)


def proof() -> float:
    """The largest relative difference of losses in the first three steps, from equal weights and draws, float32."""
    batches, differ, seed = Batches(examples(), BATCH, 0), 0.0, 0
    G, D = networks()
    side, rounds = Theirs(copy.deepcopy(G), copy.deepcopy(D)), play(game("fp32"), batches, FOREVER, seed=seed)
    for index in range(3):
        torch.manual_seed(index)  # of dropout, on both sides
        round = next(rounds)
        torch.manual_seed(index)
        found = side.step(batches(index * BATCH).x, drawn(round, 0, like=(BATCH, LATENT)))
        differ = max(differ, *(apart(round.stats[f"{player}/loss"], value)
                               for player, value in zip("DG", found, strict=True)))
    return differ


HERE = "bench.peer_dcgan:"
PEER, KEPT = both_allocators("peer", HERE + "theirs", BATCH)
ROW = Row(
    "DCGAN 32 px (PyTorch-GAN), batch 64",
    (PEER, KEPT, Side("mintage fp32", HERE + "ours", BATCH, kept=True, options={"precision": "fp32"}),
     Side("mintage bf16", HERE + "ours", BATCH, kept=True, options={"precision": "bf16"}, precision="bf16")),
    (Ratio("mintage bf16", PEER.name, wanted={1: 3.8, 2: 4.8}, ceiling={1: 3.85, 2: 5.0}),
     Ratio("mintage bf16", KEPT.name, wanted={2: 2.7}, ceiling={2: 2.9}),
     Ratio("mintage fp32", PEER.name, wanted={1: 2.6, 2: 2.6}, ceiling={1: 2.75, 2: 3.1}),
     Ratio("mintage fp32", KEPT.name, ceiling={2: 1.8}), gained(PEER, KEPT)),
    proof=HERE + "proof",
)
