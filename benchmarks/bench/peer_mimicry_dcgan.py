"""mimicry's DCGAN at 32 x 32, batch 64, five steps of D for one of G: its residual networks and its loop written
longhand, and the same game played by mintage.

Theirs (Lee and Town, mimicry, nets/dcgan): the residual pair of its SNGAN, 256 wide in G and 128 in D, without a
spectral norm; non-saturating losses; Adam (2e-4; .5, .999). The loop is that of `peer_sngan`.

Ours: as in `peer_sngan`; and since nothing in D looks at the batch, one pass serves reals and fakes.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from bench import peer_sngan as sngan
from bench.loops import FOREVER, apart, drawn, examples, played, repeated, shuffled
from bench.pairing import Play, Ratio, Row, Side, both_allocators, gained
from mintage.data import Batches
from mintage.game import Game, Move, Player, Round, Terms, adam, play, returns
from mintage.objectives import non_saturating

BATCH, LATENT, TURNS = sngan.BATCH, sngan.LATENT, sngan.TURNS


def networks(*, quick: bool) -> tuple[nn.Module, nn.Module]:
    """Ours (`quick`) or theirs, the same function of the same first weights, from seed 0."""
    G, D = sngan.plain()
    if not quick:
        ours = (G, D)
        G, D = sngan.Generator(quick=False), sngan.Critic(quick=False)
        for net, like in zip((G, D), ours, strict=True):
            net.load_state_dict(like.state_dict())
    return G, D


class Theirs:
    """The peer's steps."""

    def __init__(self, G: nn.Module, D: nn.Module) -> None:
        self.G, self.D, self.loss = G, D, binary_cross_entropy_with_logits
        self.for_g, self.for_d = (torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (G, D))

    def generators(self, z: Tensor) -> float:
        """G's update -> its loss."""
        self.G.zero_grad()
        logits = self.D(self.G(z))
        loss = self.loss(logits, torch.ones_like(logits))
        loss.backward()
        self.for_g.step()
        return loss.item()

    def critics(self, real: Tensor, z: Tensor) -> float:
        """One update of D -> its loss."""
        self.D.zero_grad()
        a, b = self.D(real), self.D(self.G(z).detach())
        loss = self.loss(a, torch.ones_like(a)) + self.loss(b, torch.zeros_like(b))
        loss.backward()
        self.for_d.step()
        torch.sigmoid(a).mean().item(), torch.sigmoid(b).mean().item()
        return loss.item()


def theirs() -> Play:
    """The peer's loop."""
    return repeated(functools.partial(sngan.peers_step, Theirs(*networks(quick=False)), shuffled(BATCH)))


@returns("loss")
def generators(nets: Any, round: Round) -> Terms:
    """G's move."""
    return {"loss": non_saturating.generator(None, nets.D(sngan.fakes(nets, round)))}


@returns("loss")
def critics(nets: Any, round: Round) -> Terms:
    """D's move."""
    a, b = nets.D(torch.cat([round.batch.x, sngan.fakes(nets, round)])).chunk(2)
    return {"loss": non_saturating.critic(a, b)}


def game(precision: str, turns: int = TURNS) -> Game:
    """The peer's game."""
    (G, D), step = networks(quick=True), adam(2e-4, 0.5, 0.999)
    return Game(nets={"G": G, "D": D}, players={"G": Player("G", step), "D": Player("D", step)},
                moves=[Move("G", generators), Move("D", critics, repeat=turns)]).to("cpu", precision)


def ours(precision: str) -> Play:
    """The same game through mintage's own loop."""
    return played(game(precision), examples(), BATCH)


def proof() -> float:
    """The largest difference of losses, relative to 1 or their size, in the first step of each player, on batches of 8
    from equal weights and draws, float32."""
    n = 8
    batches, side = Batches(examples(), n, 0), Theirs(*networks(quick=False))
    round = next(play(game("fp32", 1), batches, FOREVER, seed=0))
    g_loss = side.generators(drawn(round, 0, like=(n, LATENT)))
    d_loss = side.critics(batches(0).x, drawn(round, 1, like=(n, LATENT)))
    return max(apart(round.stats["G/loss"], g_loss, 1.0), apart(round.stats["D/loss"], d_loss, 1.0))


HERE = "bench.peer_mimicry_dcgan:"
PEER, KEPT = both_allocators("peer", HERE + "theirs", BATCH * TURNS)
ROW = Row(
    "DCGAN 32 px (mimicry), batch 64, 5 to 1",
    (PEER, KEPT, *(Side(f"mintage {precision}", HERE + "ours", BATCH * TURNS, True, {"precision": precision}, precision)
                   for precision in ("fp32", "bf16"))),
    (Ratio("mintage bf16", PEER.name), Ratio("mintage bf16", KEPT.name), Ratio("mintage fp32", PEER.name),
     Ratio("mintage fp32", KEPT.name), gained(PEER, KEPT)),
    proof=HERE + "proof",
)
