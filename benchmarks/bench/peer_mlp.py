"""A GAN of multilayer perceptrons on a toy in the plane: a plain eager loop, and the same game played by mintage.

The networks are `MLPGenerator` and `MLPDiscriminator` (three hidden layers of 128), batch 64, on the ring of Gaussians;
a round is D's step and G's, non-saturating, Adam (1e-3; .5, .999). The work of a round is small, so what is compared is
what the loop around it costs.

The plain loop is what one writes by hand: a fresh latent a step, D apart on reals and fakes, the fakes detached,
binary cross-entropy with logits, torch's Adam as it comes. It checks nothing and remembers nothing; ours can undo a
round, checks that it is finite, keys its randomness, and keeps figures for the log.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from bench.loops import FOREVER, apart, drawn, played, repeated
from bench.pairing import Play, Ratio, Row, Side, both_allocators, gained
from mintage.data import Batches, Examples, open_data
from mintage.game import Game, Move, Player, adam, play
from mintage.game.compiling import compile_moves
from mintage.latent import normal
from mintage.networks import MLPDiscriminator, MLPGenerator
from mintage.objectives import non_saturating
from mintage.systems.moves import critic
from mintage.systems.moves import generator as generators

BATCH, LATENT = 64, 2


def networks() -> tuple[nn.Module, nn.Module]:
    """(G, D) from seed 0."""
    torch.manual_seed(0)
    return MLPGenerator((2,), z_dim=LATENT), MLPDiscriminator((2,))


def examples() -> Examples:
    """The ring."""
    return open_data("ring")


class Plain:
    """The plain loop's step."""

    def __init__(self, G: nn.Module, D: nn.Module) -> None:
        self.G, self.D = G, D
        self.for_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
        self.for_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
        self.ones, self.zeros = torch.ones(BATCH), torch.zeros(BATCH)

    def step(self, real: Tensor, for_d: Tensor, for_g: Tensor) -> tuple[Tensor, Tensor]:
        """(D's loss, G's loss) of one round on these latents."""
        d_loss = (binary_cross_entropy_with_logits(self.D(real), self.ones)
                  + binary_cross_entropy_with_logits(self.D(self.G(for_d).detach()), self.zeros))
        self.for_d.zero_grad()
        d_loss.backward()
        self.for_d.step()
        g_loss = binary_cross_entropy_with_logits(self.D(self.G(for_g)), self.ones)
        self.for_g.zero_grad()
        g_loss.backward()
        self.for_g.step()
        return d_loss.detach(), g_loss.detach()


def plain() -> Play:
    """The plain loop on points in memory."""
    data = examples()
    points, side = data.gather(torch.arange(len(data))).x, Plain(*networks())
    return repeated(lambda: side.step(points[torch.randint(len(points), (BATCH,))],
                                      torch.randn(BATCH, LATENT), torch.randn(BATCH, LATENT)))


def game() -> Game:
    """The same game as mintage's parts make it."""
    (G, D), prior, step = networks(), normal(LATENT), adam(1e-3, 0.5, 0.999)
    return Game(nets={"G": G, "D": D}, players={"D": Player("D", step), "G": Player("G", step)},
                moves=[Move("D", critic(non_saturating, prior)), Move("G", generators(non_saturating, prior))])


def ours(compiled: bool) -> Play:
    """The game through mintage's loop; `compiled` makes kernels for its moves."""
    made = game()
    if compiled:
        refused = [str(found) for found in compile_moves(made, Batches(examples(), BATCH, 0)) if found.reason]
        if refused:
            raise ValueError(f"a move was left as it is: {refused}")
    return played(made, examples(), BATCH)


def proof() -> float:
    """The largest relative difference of losses in the first five rounds, from equal weights and draws."""
    batches, differ = Batches(examples(), BATCH, 0), 0.0
    G, D = networks()
    side, rounds = Plain(copy.deepcopy(G), copy.deepcopy(D)), play(game(), batches, FOREVER, seed=0)
    for index in range(5):
        round = next(rounds)
        for_d, for_g = (drawn(round, move, like=(BATCH, LATENT)) for move in (0, 1))
        found = side.step(batches(index * BATCH).x, for_d, for_g)
        differ = max(differ, *(apart(round.stats[f"{player}/loss"], float(value))
                               for player, value in zip("DG", found, strict=True)))
    return differ


HERE = "bench.peer_mlp:"
PEER, KEPT = both_allocators("plain eager loop", HERE + "plain", 1)
ROW = Row(
    "MLP GAN, 2-D toy, batch 64",
    (PEER, KEPT, Side("mintage", HERE + "ours", 1, True, {"compiled": False}),
     Side("mintage, compiled", HERE + "ours", 1, True, {"compiled": True}, counted=False)),
    (Ratio("mintage, compiled", PEER.name, wanted={1: 2.0, 2: 2.0}),
     Ratio("mintage", PEER.name, wanted={1: 0.9, 2: 0.9}), gained(PEER, KEPT)),
    proof=HERE + "proof", unit="rounds/s", bound="matrices",
)
