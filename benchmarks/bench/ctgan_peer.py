"""The peer's side of `peer_ctgan`: the networks, samplers and steps of sdv's CTGAN, written longhand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.adult_rows import Rows
from mintage.networks.table import Growing, TableCritic, TableGenerator

BATCH, LATENT, PAC, WEIGHT, DECAY = 500, 128, 10, 10.0, 1e-6


@dataclass
class Draws:
    """What chance decides in a move: conditions c [N, K] and mask m [N, spans], and D's reals with theirs."""

    z: Tensor
    c: Tensor
    m: Tensor
    real: Tensor | None = None
    of_real: Tensor | None = None
    e: Tensor | None = None
    noise: Tensor | None = None


class DataSampler:
    """The peer's sampler of conditions and of rows that meet them, in NumPy."""

    def __init__(self, data: Rows) -> None:
        self.data, self.n = data.x, len(data.discrete)
        starts = np.concatenate([[0], np.cumsum([max(1, k) for k in data.spans])])
        sizes = [data.spans[s] for s in data.discrete]
        self.first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.total = sum(sizes)
        self.with_category, self.probability = [], np.zeros((self.n, max(sizes)))
        for column, (span, k) in enumerate(zip(data.discrete, sizes, strict=True)):
            part = data.x[:, starts[span]:starts[span] + k]
            self.with_category.append([np.nonzero(part[:, j])[0] for j in range(k)])
            frequency = np.log(part.sum(0) + 1)
            self.probability[column, :k] = frequency / frequency.sum()

    def conditions(self, batch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(c, m, the column of each, its category within the column)."""
        column = np.random.choice(np.arange(self.n), batch)
        c, m = np.zeros((batch, self.total), dtype="float32"), np.zeros((batch, self.n), dtype="float32")
        m[np.arange(batch), column] = 1
        r = np.random.rand(batch)[:, None]
        category = (self.probability[column].cumsum(1) > r).argmax(1)
        c[np.arange(batch), self.first[column] + category] = 1
        return c, m, column, category

    def rows(self, column: np.ndarray, category: np.ndarray) -> np.ndarray:
        """A row for each condition."""
        return self.data[[np.random.choice(self.with_category[a][b]) for a, b in zip(column, category, strict=True)]]


class Their(nn.Module):
    """The peer's networks, from ours: G to logits, D of packs."""

    def __init__(self, G: TableGenerator, D: TableCritic) -> None:
        super().__init__()
        grown = [layer for layer in G.layers if isinstance(layer, Growing)]
        self.hidden = nn.ModuleList([nn.ModuleList([_same(layer.linear), _same(layer.norm)]) for layer in grown])
        self.out = _same(G.layers[-1])
        layers = [part for layer in D.hidden for part in (_same(layer), nn.LeakyReLU(0.2), nn.Dropout(D.dropout.p))]
        self.critic = nn.Sequential(*layers, _same(D.last))

    def generate(self, z: Tensor) -> Tensor:
        """Logits."""
        for linear, norm in self.hidden:
            z = torch.cat([torch.relu(norm(linear(z))), z], dim=1)
        return self.out(z)

    def judge(self, x: Tensor) -> Tensor:
        """One number a pack."""
        return self.critic(x.view(-1, PAC * x.shape[1]))


def _same(layer: nn.Module) -> nn.Module:
    made = (nn.Linear(layer.in_features, layer.out_features) if isinstance(layer, nn.Linear)
            else nn.BatchNorm1d(layer.num_features))
    made.load_state_dict(layer.state_dict())
    return made


class Theirs:
    """The peer's step."""

    def __init__(self, data: Rows, G: TableGenerator, D: TableCritic) -> None:
        self.data, self.sampler, self.nets = data, DataSampler(data), Their(G, D)
        self.of_g, self.of_d = [*self.nets.hidden.parameters(), *self.nets.out.parameters()], self.nets.critic
        self.for_g = torch.optim.Adam(self.of_g, lr=2e-4, betas=(0.5, 0.9), weight_decay=DECAY)
        self.for_d = torch.optim.Adam(self.of_d.parameters(), lr=2e-4, betas=(0.5, 0.9), weight_decay=DECAY)

    def draw(self, reals: bool) -> Draws:
        """The chances of a move."""
        z = torch.normal(mean=torch.zeros(BATCH, LATENT), std=torch.ones(BATCH, LATENT))
        c, m, column, category = self.sampler.conditions(BATCH)
        given = Draws(z, torch.from_numpy(c), torch.from_numpy(m))
        if reals:
            order = np.arange(BATCH)
            np.random.shuffle(order)
            real = self.sampler.rows(column[order], category[order])
            given.real, given.of_real = torch.from_numpy(real.astype("float32")), given.c[order]
        return given

    def activated(self, h: Tensor, noise: Tensor | None) -> Tensor:
        """tanh and Gumbel softmax, span by span."""
        parts, at = [], 0
        for k in self.data.spans:
            part = h[:, at:at + max(1, k)]
            parts.append(torch.tanh(part) if k == 0 else self.chosen(part, noise, at))
            at += max(1, k)
        return torch.cat(parts, dim=1)

    @staticmethod
    def chosen(part: Tensor, noise: Tensor | None, at: int) -> Tensor:
        """Gumbel softmax, tried again where it is not a number; given noise is used in proofs."""
        if noise is not None:
            return F.softmax((part + noise[:, at:at + part.shape[1]]) / 0.2, dim=-1)
        for _ in range(10):
            found = F.gumbel_softmax(part, tau=0.2, hard=False, dim=-1)
            if not torch.isnan(found).any():
                return found
        raise ValueError("gumbel_softmax returned no numbers")

    def cross_entropy(self, h: Tensor, c: Tensor, m: Tensor) -> Tensor:
        """How far the logits are from the condition, span by span."""
        losses, at, at_c = [], 0, 0
        for span, k in enumerate(self.data.spans):
            if span in self.data.discrete:
                wanted = torch.argmax(c[:, at_c:at_c + k], dim=1)
                losses.append(F.cross_entropy(h[:, at:at + k], wanted, reduction="none"))
                at_c += k
            at += max(1, k)
        return (torch.stack(losses, dim=1) * m).sum() / len(h)

    def penalty(self, real: Tensor, fake: Tensor, e: Tensor | None) -> Tensor:
        """10 (|g| - 1)^2, g of a pack, between reals and fakes; gradients reach the fakes."""
        e = torch.rand(len(real) // PAC, 1, 1) if e is None else e.view(-1, 1, 1)
        e = e.repeat(1, PAC, real.size(1)).view(-1, real.size(1))
        between = e * real + (1 - e) * fake
        logits = self.nets.judge(between)
        g = torch.autograd.grad(logits, between, torch.ones(logits.size()), create_graph=True, retain_graph=True)[0]
        return ((g.view(-1, PAC * real.size(1)).norm(2, dim=1) - 1) ** 2).mean() * WEIGHT

    def critics(self, given: Draws) -> tuple[Tensor, Tensor]:
        """(penalty, loss) of D's move."""
        fake = self.activated(self.nets.generate(torch.cat([given.z, given.c], dim=1)), given.noise)
        fakes, reals = torch.cat([fake, given.c], dim=1), torch.cat([given.real, given.of_real], dim=1)
        a, b = self.nets.judge(fakes), self.nets.judge(reals)
        return self.penalty(reals, fakes, given.e), -(torch.mean(b) - torch.mean(a))

    def generators(self, given: Draws) -> Tensor:
        """G's loss."""
        h = self.nets.generate(torch.cat([given.z, given.c], dim=1))
        logits = self.nets.judge(torch.cat([self.activated(h, given.noise), given.c], dim=1))
        return -torch.mean(logits) + self.cross_entropy(h, given.c, given.m)

    def step(self, for_d: Draws, for_g: Draws) -> tuple[float, float]:
        """(D's loss with its penalty, G's loss) of one step."""
        penalty, loss = self.critics(for_d)
        self.for_d.zero_grad(set_to_none=False)
        penalty.backward(retain_graph=True)
        loss.backward()
        self.for_d.step()
        g_loss = self.generators(for_g)
        self.for_g.zero_grad(set_to_none=False)
        g_loss.backward()
        self.for_g.step()
        return loss.item() + penalty.item(), g_loss.item()
