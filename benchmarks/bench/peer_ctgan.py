"""CTGAN on an adult-like table, batch 500 in packs of 10: its networks and its loop written longhand, and the same game
played by mintage.

Theirs (Xu et al., the sdv package): a generator of two growing layers with batch norm, tanh and Gumbel softmax applied
span by span; a critic of packs with leaky rectifiers and dropout; WGAN-GP whose slope is a pack's; conditions drawn by
NumPy with log-frequencies, and for each a row that meets it, one `choice` after another; a cross-entropy of the
condition, span by span. D's fakes keep G's graph, and both losses of D reach G. Adam (2e-4; .5, .9), decay 1e-6.

Ours: the same weights and draws. Spans are one segmented softmax, conditions and rows come from tables by indices, the
cross-entropy looks at the span in question only, no gradient reaches G while D moves nor D's weights while G moves, and
one pass of D serves reals and fakes. All chance is drawn by the round, so that moves can be compiled ("compiled").
"oneDNN" sides let float32 products take the quicker of torch's two libraries (`set_float32_matmul_precision("medium")`,
which on processors without float32 tiles rounds no more than the other); the proof is held there too.

Left out on both sides: the transform of the table, what is logged. Dropout is on, off in the proof.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bench.adult_rows import Rows, rows
from bench.ctgan_peer import BATCH, DECAY, LATENT, PAC, WEIGHT, Draws, Theirs
from bench.loops import FOREVER, apart, repeated
from bench.pairing import Play, Ratio, Row, Side, both_allocators, gained
from mintage.game import Game, Move, Optimizer, Player, Round, Terms, play, returns
from mintage.game.clock import Clock
from mintage.game.compiling import compile_moves
from mintage.latent import normal
from mintage.networks.table import SpanActivation, TableCritic, TableGenerator, gumbel
from mintage.objectives import wasserstein
from mintage.penalties import logits_and_slopes


def theirs() -> Play:
    """The peer's loop."""
    data = rows()
    side = Theirs(data, *networks(data))
    return repeated(lambda: side.step(side.draw(True), side.draw(False)))


class Conditions:
    """Our sampler: conditions with log-frequencies and rows that meet them, from tables by indices."""

    def __init__(self, data: Rows) -> None:
        self.x, sizes = torch.from_numpy(data.x), [data.spans[s] for s in data.discrete]
        starts = np.concatenate([[0], np.cumsum([max(1, k) for k in data.spans])])
        self.choices, self.total, first = sum(data.spans), sum(sizes), torch.tensor([0, *np.cumsum(sizes)[:-1]])
        self.place = torch.tensor([starts[s] + j for s, k in zip(data.discrete, sizes, strict=True) for j in range(k)])
        self.one_hot = torch.eye(self.total)
        self.column = torch.tensor([column for column, k in enumerate(sizes) for _ in range(k)])
        spans = torch.zeros(len(sizes), self.x.shape[1], dtype=torch.bool)
        spans[self.column, self.place] = True
        self.outside = torch.zeros(spans.shape).masked_fill(~spans, -torch.inf)[self.column]
        codes = torch.stack([self.x[:, starts[s]:starts[s] + k].argmax(1)
                             for s, k in zip(data.discrete, sizes, strict=True)])
        self.order = codes.argsort(dim=1, stable=True).flatten()
        self.count = self.x[:, self.place].sum(0).long()
        before = self.count.cumsum(0) - self.count
        self.start = before - before[first][self.column] + len(self.x) * self.column
        frequency = torch.zeros(len(sizes), max(sizes), dtype=torch.float64)
        frequency[self.column, torch.arange(self.total) - first[self.column]] = (self.count + 1.0).double().log()
        share = frequency / frequency.sum(1, keepdim=True) / len(sizes)
        self.share = share[frequency > 0].cumsum(0)

    def category(self, n: int, g: torch.Generator) -> Tensor:
        """n conditions by number: a column uniformly, a category of it by log-frequency."""
        r = torch.rand(n, generator=g, dtype=torch.float64)
        return torch.searchsorted(self.share, r).clamp_(max=self.total - 1)

    def rows(self, category: Tensor, u: Tensor) -> Tensor:
        """A row for each condition, by u ~ U(0, 1)."""
        nth = (u * self.count[category]).long()
        return self.x.index_select(0, self.order[self.start[category] + nth])


class Chances:
    """What chance decides in a move of ours, all of it drawn by the round: z, conditions c [N, K] by number, noise of
    the choices, masks of dropout; with reals, their rows and conditions and e between them and the fakes."""

    def __init__(self, conditions: Conditions, round: Any, dropout: float, of_reals: bool) -> None:
        def uniform(*shape: int) -> Any:
            return lambda n, g: torch.rand(shape, generator=g)

        self.z, self.category = round.draw(normal(LATENT)), round.draw(conditions.category)
        self.c = conditions.one_hot.index_select(0, self.category)
        self.noise = round.draw(lambda n, g: gumbel((conditions.choices, n), g))
        packs = BATCH // PAC
        sizes = [(packs * (3 if of_reals else 1), 256)] * 2
        self.masks = [(round.draw(uniform(*size)) >= dropout).float() / (1 - dropout) for size in sizes]
        if of_reals:
            order = round.draw(lambda n, g: torch.randperm(n, generator=g))
            self.of_real = self.category.index_select(0, order)
            self.real = conditions.rows(self.of_real, round.draw(lambda n, g: torch.rand(n, generator=g).double()))
            self.e = round.draw(uniform(packs, 1))


def critics(conditions: Conditions, dropout: float, slope: str) -> Any:
    """D's move; the penalty by double backward ("autograd"), or with the losses in one joint gradient ("joint")."""

    @returns("loss", "penalty")
    def objective(nets: Any, round: Round) -> Terms:
        by = Chances(conditions, round, dropout, True)
        with torch.no_grad():
            fake = torch.cat([nets.G(by.z, by.c, by.noise), by.c], 1).view(BATCH // PAC, -1)
        real = torch.cat([by.real, conditions.one_hot.index_select(0, by.of_real)], 1).view(BATCH // PAC, -1)
        m, between = len(real), by.e * real + (1 - by.e) * fake
        if slope == "autograd":
            logits = nets.D.packed(torch.cat([real, fake]), masks=[mask[:2 * m] for mask in by.masks])
            others = nets.D.packed(between.requires_grad_(), masks=[mask[2 * m:] for mask in by.masks])
            (g,) = torch.autograd.grad(others.sum(), between, create_graph=True)
            slopes = g.square().sum(1)
        else:
            critic = functools.partial(nets.D.packed, masks=by.masks)
            logits, slopes = logits_and_slopes(critic, torch.cat([real, fake, between]))
            slopes = slopes[2 * m:]
        return {"loss": wasserstein.critic(logits[:m], logits[m:2 * m]), "penalty": (slopes.sqrt() - 1).square().mean()}

    return objective


def generators(conditions: Conditions, dropout: float) -> Any:
    """G's move."""

    @returns("loss", "condition")
    def objective(nets: Any, round: Round) -> Terms:
        by = Chances(conditions, round, dropout, False)
        h = nets.G.logits(by.z, by.c)
        rows = torch.cat([nets.G.activation(h, by.noise), by.c], 1).view(BATCH // PAC, -1)
        inside = (h + conditions.outside[by.category]).logsumexp(1)
        chosen = h.gather(1, conditions.place[by.category][:, None]).squeeze(1)
        return {"loss": wasserstein.generator(None, nets.D.packed(rows, masks=by.masks)),
                "condition": (inside - chosen).mean()}

    return objective


def networks(data: Rows, dropout: float = 0.5) -> tuple[TableGenerator, TableCritic]:
    """Our pair from seed 0."""
    torch.manual_seed(0)
    conditions = sum(data.spans[s] for s in data.discrete)
    return (TableGenerator(data.spans, z_dim=LATENT, conditions=conditions),
            TableCritic(data.x.shape[1] + conditions, pac=PAC, dropout=dropout))


class Whole:
    """A stream of batches that holds none: rows are drawn to meet conditions."""

    size = BATCH

    def __call__(self, position: int) -> None:
        """Nothing."""


def game(data: Rows, precision: str, slope: str, dropout: float = 0.5) -> Game:
    """The peer's game."""
    (G, D), conditions = networks(data, dropout), Conditions(data)
    G.activation.generator = D.dropout.generator = None  # type: ignore[assignment]  # the round draws for them
    step = Optimizer(torch.optim.Adam, {"lr": 2e-4, "beta1": 0.5, "beta2": 0.9}, {"weight_decay": DECAY, "fused": True})
    return Game(nets={"G": G, "D": D}, players={"G": Player("G", step), "D": Player("D", step)},
                moves=[Move("D", critics(conditions, dropout, slope), weights={"penalty": WEIGHT}),
                       Move("G", generators(conditions, dropout))]).to("cpu", precision)


def ours(precision: str, slope: str, products: str = "highest", compiled: bool = False) -> Play:
    """The same game through mintage's own loop."""
    torch.set_float32_matmul_precision(products)
    made = game(rows(), precision, slope)
    if compiled:
        refused = [str(found) for found in compile_moves(made, Whole()) if found.reason]
        if refused:
            raise ValueError(f"a move was left as it is: {refused}")
    rounds = play(made, Whole(), FOREVER)
    return repeated(functools.partial(next, rounds))


def proof() -> float:
    """The largest difference, float32, without dropout: of losses in three steps, and before them of the weight
    gradients of each player, relative to their norm; with each library of products and each form of the penalty."""
    data, differ = rows(), 0.0
    for slope, products in (("autograd", "highest"), ("joint", "highest"), ("autograd", "medium")):
        side, made = Theirs(data, *networks(data, 0.0)), game(data, "fp32", slope, 0.0)
        round = Round(0, Clock(0, 1), Whole(), 5, torch.device("cpu"))
        for move, (name, of) in enumerate((("D", side.of_d.parameters()), ("G", side.of_g))):
            given = as_theirs(data, round, move)
            theirs = torch.stack(side.critics(given)).sum() if name == "D" else side.generators(given)
            expected = torch.autograd.grad(theirs, list(of))
            made.begin(round, move, 0)
            with exactness(products):
                loss = made.moves[move].loss(made.moves[move].objective(made.nets, round), round.clock)
                found = torch.autograd.grad(loss, list(made.net(name).parameters()))
            differ = max(differ, _off(found, expected))
        differ = max(differ, _losses_off(data, slope, products))
    return differ


@contextlib.contextmanager
def exactness(products: str) -> Iterator[None]:
    """A block with this library of products; the quicker one is not the peer's."""
    torch.set_float32_matmul_precision(products)
    yield
    torch.set_float32_matmul_precision("highest")


def _off(found: Any, expected: Any) -> float:
    a, b = (torch.cat([part.flatten() for part in parts]) for parts in (found, expected))
    return float((a - b).norm() / b.norm())


def _losses_off(data: Rows, slope: str, products: str) -> float:
    side, differ = Theirs(data, *networks(data, 0.0)), 0.0
    rounds = play(game(data, "fp32", slope, 0.0), Whole(), FOREVER, seed=0)
    for _ in range(3):
        with exactness(products):
            round = next(rounds)
        d_loss, g_loss = side.step(*(as_theirs(data, round, move) for move in (0, 1)))
        mine = round.stats["D/loss"] + WEIGHT * round.stats["D/penalty"]
        differ = max(differ, apart(mine, d_loss, 1.0),
                     apart(round.stats["G/loss"] + round.stats["G/condition"], g_loss, 1.0))
    return differ


def as_theirs(data: Rows, round: Round, move: int) -> Draws:
    """The draws of our move in this round, as the peer takes them; each real row has to meet its condition."""
    conditions, layer = Conditions(data), SpanActivation(data.spans)
    again = Round(round.index, round.clock, Whole(), round.seed, round.device)
    again.begin(move, 0)
    by = Chances(conditions, again, 0.0, move == 0)
    noise = torch.zeros(BATCH, data.x.shape[1])
    noise[:, layer.choices] = by.noise.T
    given = Draws(by.z, by.c, F.one_hot(conditions.column[by.category]).float(), noise=noise)
    if move == 0:
        given.real, given.of_real = by.real, F.one_hot(by.of_real, conditions.total).float()
        given.e = by.e
        if not given.real.gather(1, conditions.place[by.of_real][:, None]).all():
            raise ValueError("a row does not meet the condition it was drawn for")
    return given


HERE = "bench.peer_ctgan:"
PEER, KEPT = both_allocators("peer", HERE + "theirs", BATCH)
OURS: dict[str, dict[str, Any]] = {
    "mintage fp32": {"precision": "fp32", "slope": "autograd"},
    "mintage fp32, joint": {"precision": "fp32", "slope": "joint"},
    "mintage fp32, oneDNN": {"precision": "fp32", "slope": "autograd", "products": "medium"},
    "mintage fp32, oneDNN, compiled": {"precision": "fp32", "slope": "autograd", "products": "medium",
                                       "compiled": True},
    "mintage bf16": {"precision": "bf16", "slope": "autograd"},
    "mintage bf16, compiled": {"precision": "bf16", "slope": "autograd", "compiled": True}}
ROW = Row(
    "CTGAN, adult-like table, batch 500",
    (PEER, KEPT, *(Side(name, HERE + "ours", BATCH, True, options, options["precision"],
                        counted="compiled" not in options) for name, options in OURS.items())),
    (*(Ratio(name, PEER.name, wanted={1: 3.0, 2: 3.0}) for name in OURS), Ratio("mintage fp32", KEPT.name),
     gained(PEER, KEPT, ceiling={})),
    proof=HERE + "proof", allowed=1e-5, unit="rows/s", bound="matrices",
)
