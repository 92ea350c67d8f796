"""Small games that several tests play."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mintage.game import Average, Game, Move, Player, Pool, adam, play


class Points:
    """A stream of `size` examples a call: `law(generator, size)` with a generator of the position."""

    def __init__(self, law: Callable[[torch.Generator, int], Tensor], size: int) -> None:
        self.law, self.size = law, size

    def __call__(self, position: int) -> Tensor:
        return self.law(torch.Generator().manual_seed(1000 + position), self.size)


def normal(dim: int) -> Callable[[int, torch.Generator], Tensor]:
    return lambda n, generator: torch.randn(n, dim, generator=generator)


def seeded(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A network whose first weights come from `seed`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def mlp(*sizes: int, seed: int = 0) -> nn.Sequential:
    def build() -> nn.Module:
        layers: list[nn.Module] = []
        for a, b in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers[:-1])

    return seeded(build, seed)


class Linear(nn.Module):
    """D(x) = w . x, and G(z) = w + 0 z in one: a vector of weights."""

    def __init__(self, *values: float, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(values, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.w


def rounds(game: Game, batches: Points, n: int, *, budget: int = 10**6, seed: int = 0) -> None:
    """Play `n` more rounds."""
    for done, _ in enumerate(play(game, batches, budget, seed=seed), start=1):
        if done == n:
            return


def snapshot(game: Game) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in game.tensors().items()}


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


cloud = Points(lambda g, n: torch.randn(n, 3, generator=g), 4)


def everything(*, spoil: Callable[..., Tensor] = lambda who, round, loss: loss) -> Game:
    """A game with all that persists: two Adams, batch statistics, an average, a pool, a lazy move.

    `spoil(who, round, loss)` may put poison into a loss.
    """
    G = seeded(lambda: nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)), 1)
    D = mlp(3, 5, 1, seed=2)
    pool = Pool(6)

    def d(nets, round):
        fake = pool(nets.G(round.draw(normal(2))), round.generator("pool"))
        loss = nn.functional.softplus(-nets.D(round.batch)).mean() + nn.functional.softplus(nets.D(fake)).mean()
        return {"loss": spoil("D", round, loss)}

    def g(nets, round):
        loss = nn.functional.softplus(-nets.D(nets.G(round.draw(normal(2))))).mean()
        return {"loss": spoil("G", round, loss)}

    def lazy(nets, round):
        return {"penalty": 0.1 * sum(p.square().sum() for p in nets.D.parameters())}

    optimizer = adam(1e-2, beta1=0.5)
    return Game({"G": G, "D": D}, {"D": Player("D", optimizer.lazy(3)), "G": Player("G", optimizer)},
                [Move("D", d), Move("D", lazy, every=3), Move("G", g)],
                controllers=[Average("G", half_life=20.0)], memory={"pool": pool})
