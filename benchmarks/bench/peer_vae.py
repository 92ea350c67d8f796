"""pythae's VAE on 28 x 28, batch 64: its default perceptrons and its trainer's loop written longhand, and the same
mathematics played by mintage as a game of one player.

Theirs (Chadebec et al., pythae): x flat to 512 with a rectifier, two heads to 16 dimensions, back through 512 to a
sigmoid; per example the sum of squared errors, halved, plus KL(N(m, e^s) | N(0, 1)); its mean; Adam (1e-4). After each
step its trainer adds the loss to an epoch's sum on the host.

Ours: the same weights and draws; one player owns both networks. Images are digits scaled to [0, 1].
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset

from bench.loops import FOREVER, apart, drawn, endless, played, repeated
from bench.pairing import Play, Ratio, Row, Side, both_allocators, gained
from mintage.data import Batches, Examples, open_data
from mintage.game import Game, Move, Player, Round, adam, play, returns
from mintage.latent import normal

BATCH, SIDE, LATENT, HIDDEN = 64, 28, 16, 512


def examples() -> Examples:
    """Handwritten digits at 28 x 28."""
    return open_data("digits", resolution=(SIDE, SIDE))


class Encoder(nn.Module):
    """x [N, 1, 28, 28] -> mean and log-variance [N, 16] each."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(SIDE**2, HIDDEN), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.hidden(x.reshape(len(x), -1))
        return self.mean(h), self.log_variance(h)


def networks() -> tuple[nn.Module, nn.Module]:
    """(encoder, decoder) from seed 0."""
    torch.manual_seed(0)
    return Encoder(), nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, SIDE**2), nn.Sigmoid())


class Theirs:
    """The peer's step."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        self.nets = nn.ModuleList([encoder, decoder])
        self.optimizer = torch.optim.Adam(self.nets.parameters(), lr=1e-4)

    def step(self, x: Tensor, noise: Tensor | None = None) -> float:
        """The loss of one step."""
        mean, log_variance = self.nets[0](x)
        std = torch.exp(0.5 * log_variance)
        z = mean + (torch.randn_like(std) if noise is None else noise) * std
        made = self.nets[1](z).reshape((len(x), 1, SIDE, SIDE))
        squares = 0.5 * mse_loss(made.reshape(len(x), -1), x.reshape(len(x), -1), reduction="none").sum(dim=-1)
        divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp(), dim=-1)
        loss = (squares + divergence).mean(dim=0)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def theirs() -> Play:
    """The peer's loop over a loader of images in memory, scaled to [0, 1]."""
    data = examples()
    images = data.gather(torch.arange(len(data))).x.add(1).div(2)
    stream, side = endless(DataLoader(TensorDataset(images), BATCH, shuffle=True, drop_last=True)), Theirs(*networks())
    return repeated(lambda: side.step(next(stream)[0]))


@returns("loss")
def bound(nets: Any, round: Round) -> dict[str, Tensor]:
    """The negative evidence bound, its Gaussian part without constants."""
    x = (round.batch.x.flatten(1) + 1) / 2
    mean, log_variance = (part.float() for part in nets.E(x))
    z = torch.addcmul(mean, round.draw(normal(LATENT)), (log_variance / 2).exp())
    squares = (nets.G(z).float() - x).square().sum() / 2
    divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
    return {"loss": (squares + divergence) / len(x)}


def game(precision: str) -> Game:
    """The peer's game, of one player."""
    E, G = networks()
    return Game(nets={"E": E, "G": G}, players={"P": Player(("E", "G"), adam(1e-4, 0.9, 0.999))},
                moves=[Move("P", bound)]).to("cpu", precision)


def ours(precision: str, products: str = "highest") -> Play:
    """The same through mintage's own loop."""
    torch.set_float32_matmul_precision(products)
    return played(game(precision), examples(), BATCH)


def proof() -> float:
    """The largest relative difference of losses in the first three steps, from equal weights and draws, float32."""
    batches, differ = Batches(examples(), BATCH, 0), 0.0
    side, rounds = Theirs(*copy.deepcopy(networks())), play(game("fp32"), batches, FOREVER, seed=0)
    for index in range(3):
        round = next(rounds)
        loss = side.step(batches(index * BATCH).x.add(1).div(2), drawn(round, 0, like=(BATCH, LATENT)))
        differ = max(differ, apart(round.stats["P/loss"], loss))
    return differ


HERE = "bench.peer_vae:"
PEER, KEPT = both_allocators("peer", HERE + "theirs", BATCH)
OURS: dict[str, dict[str, str]] = {
    "mintage fp32": {"precision": "fp32"}, "mintage fp32, oneDNN": {"precision": "fp32", "products": "medium"},
    "mintage bf16": {"precision": "bf16"}}
ROW = Row(
    "VAE 28 px (pythae), batch 64",
    (PEER, KEPT, *(Side(name, HERE + "ours", BATCH, True, options, options["precision"])
                   for name, options in OURS.items())),
    (*(Ratio(name, PEER.name) for name in OURS), Ratio("mintage fp32", KEPT.name), gained(PEER, KEPT, ceiling={})),
    proof=HERE + "proof", bound="matrices",
)
