"""Caption retrieval: which caption an image is likest to, by a pair of small networks trained on real images.

    s(x, c) = <u(x), v(c)> / tau,   u and v of length 1;    lowered:  -E log softmax_c s(x, .) - E log softmax_x s(., c)

over the pairs of a batch, as in the reference. u is DCGAN's critic with 64 outputs and v a perceptron on the sentence
vector; the game is one of a single player. A sample made for a caption is then ranked: its own among 49 others.

References:
    Learning Transferable Visual Models From Natural Language Supervision (Radford et al., 2021),
    https://arxiv.org/abs/2103.00020
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from mintage.data import Batches, Examples
from mintage.game import Game, Move, Player, Round, Stages, Terms, adam, cosine, derive, generator, play
from mintage.networks import MLP, DCGANDiscriminator

EPOCHS, BATCH, WIDTH = 30, 64, 64
TEMPERATURE, NOISE = 0.07, 0.1
OTHERS, TOP = 49, 5


class Retriever(nn.Module):
    """s(x_i, c_j) for all pairs.   x [N, C, H, W], c [M, d] -> [N, M]."""

    def __init__(self, shape: tuple[int, int, int], dimensions: int) -> None:
        super().__init__()
        self.u = DCGANDiscriminator(shape, size="XS", outputs=WIDTH)
        self.v = MLP(dimensions, WIDTH, width=128, depth=1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        u, v = normalize(self.u(x), dim=1), normalize(self.v(c * c.shape[1] ** 0.5), dim=1)
        return u @ v.T / TEMPERATURE


def game_of(shape: tuple[int, int, int], dimensions: int) -> Game:
    """The game of one: R lowers both cross entropies on images with a little noise."""

    def objective(nets: Any, round: Round) -> Terms:
        x, c = round.batch.x, round.batch.c
        noise = torch.randn(x.shape, generator=round.generator("noise"), device=x.device)
        s = nets.R(x + NOISE * noise, c)
        right = torch.arange(len(x), device=x.device)
        return {"images": cross_entropy(s, right), "captions": cross_entropy(s.T, right)}

    return Game({"R": Retriever(shape, dimensions)}, {"R": Player("R", adam(cosine(1e-3, 0.0), 0.9))},
                [Move("R", objective)])


def retriever_of(train: Examples, epochs: int | None = None) -> Retriever:
    """A retriever trained on these real images and captions; the same for the same."""
    if train.spec.given is None or train.spec.given.kind != "text":
        raise ValueError(f"{train.name} has no captions; a retriever learns from images with captions")
    channels, height, width = train.spec.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("retriever"))
        game = game_of((channels, height, width), train.spec.given.shape[0])
    for _ in play(game, Batches(train, BATCH, derive("retriever", "order"), flip=True),
                  (EPOCHS if epochs is None else epochs) * len(train)):
        pass
    return game.net("R").eval()  # type: ignore[return-value]


def rank_shares(retriever: Retriever, examples: Examples, game: Game | Stages | None, seed: int,
                most: int = 1000) -> dict[str, float]:
    """The share of images whose own caption is among the first 5 (and is the first) of 50, and how many were ranked.

    The images are the examples themselves or, of a game, one sample for each caption. The 49 others are captions with
    other words, drawn from the examples.
    """
    texts = examples.origins.store.texts  # type: ignore[union-attr]
    random = generator("retrieval", seed, device="cpu")
    chosen = torch.randperm(len(examples), generator=random)[:most]
    batch = examples.gather(chosen)
    made, c = batch.x, batch.c
    if c is None:
        raise ValueError(f"{examples.name} has no captions to be ranked")
    if game is not None:
        z, _ = game.sampler.latents(len(chosen), random)  # type: ignore[union-attr]
        made = torch.cat([game.generate(a, None, b) for a, b in zip(z.split(250), c.split(250), strict=True)]).cpu()
    with torch.no_grad():
        s = torch.cat([retriever(part, c) for part in made.split(250)])
    first, top = 0, 0
    for row, k in enumerate(chosen.tolist()):
        others = torch.tensor([j for j, at in enumerate(chosen.tolist()) if texts[at] != texts[k]], dtype=torch.long)
        others = others[torch.randperm(len(others), generator=random)[:OTHERS]]
        better = int((s[row, others] >= s[row, row]).sum())
        first, top = first + (better == 0), top + (better < TOP)
    return {"top 5 of 50": top / len(chosen), "first of 50": first / len(chosen), "ranked": float(len(chosen))}
