"""Networks for the rows of tables: a generator that ends in one softmax a category, and a critic of packs of rows.

A row is W numbers in *spans* S_1, S_2, ... side by side: a number is one position in (-1, 1), a choice among k is k
positions that sum to 1, one-hot in the data. A *condition* c [N, K] says what a row has to hold, also one-hot.

    h = G(z, c) [N, W] are the generator's logits;   x = a(h), with noise g_j ~ Gumbel(0, 1),

    a(h)_j = tanh h_j                                            where j is a number
    a(h)_j = exp((h_j + g_j) / tau) / sum over i in S of exp((h_i + g_i) / tau)          where S is j's choice

Modeling Tabular Data using Conditional GAN (Xu et al., 2019), section 4.4, https://arxiv.org/abs/1907.00503;
the relaxed choice: Categorical Reparameterization with Gumbel-Softmax (Jang et al., 2017),
https://arxiv.org/abs/1611.01144
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from mintage.networks.dropout import Dropout
from mintage.networks.packing import pack
from mintage.networks.precision import outside_autocast, widened

NUMBER = 0  # a span's number of choices where it is a number


class SpanActivation(nn.Module):
    """a: logits h [N, W] -> rows [N, W]. All choices are one softmax over segments, whatever their number.

    Its noise is given, or comes from `generator` as `Dropout`'s masks do; tau is the temperature of the choices.

    Args:
        spans: choices of each span in order, `NUMBER` (0) for a number.
        tau: 0.2 in CTGAN; the smaller, the nearer to one-hot.

    Raises:
        ValueError: no spans, a span of fewer choices than 0, or tau of 0 or less.
    """

    choices: Tensor
    numbers: Tensor
    lengths: Tensor
    members: Tensor
    order: Tensor

    def __init__(self, spans: Sequence[int], tau: float = 0.2, *, seed: int = 0) -> None:
        super().__init__()
        if not spans or min(spans) < 0:
            raise ValueError(f"spans of a row are {list(spans)}; give the choices of each, 0 for a number, one or more")
        if tau <= 0:
            raise ValueError(f"tau of a choice is {tau!r}; a temperature lies above 0, 0.2 in CTGAN")
        self.spans, self.tau, self.width = tuple(spans), tau, sum(max(1, k) for k in spans)
        self.generator = torch.Generator().manual_seed(seed)
        sizes = torch.tensor(self.spans)
        choice = (sizes > 0).repeat_interleave(sizes.clamp(min=1))
        owner = torch.arange(int((sizes > 0).sum())).repeat_interleave(sizes[sizes > 0])
        places = choice.nonzero()[:, 0], (~choice).nonzero()[:, 0]
        for name, value in {"choices": places[0], "numbers": places[1], "lengths": sizes[sizes > 0],
                            "members": torch.nn.functional.one_hot(owner).float() if len(owner) else torch.zeros(0, 0),
                            "order": torch.cat(places).argsort()}.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, h: Tensor, g: Tensor | None = None) -> Tensor:
        """a(h), with noise g [positions of choices, N] where it is given."""
        if h.device.type == "meta":
            return widened(h)
        with outside_autocast(h):
            t = widened(h).T.contiguous()  # a span is a block of rows, a choice is reduced over its block
            x = t.index_select(0, self.numbers).tanh()
            if len(self.choices):
                x = torch.cat([self._chosen(t.index_select(0, self.choices), g), x]).index_select(0, self.order)
            return x.T

    def _chosen(self, t: Tensor, g: Tensor | None) -> Tensor:
        """The softmax over each block of rows.   [positions, N] -> the same."""
        noisy = (t + (self.noise(t) if g is None else g)) / self.tau
        members = self.members.to(t.dtype)
        with torch.no_grad():  # the largest of each choice; a softmax does not depend on what is subtracted
            largest = members @ torch.segment_reduce(noisy, "max", lengths=self.lengths, axis=0)
        e = (noisy - largest).exp()
        return e / (members @ (members.T @ e))

    def noise(self, t: Tensor) -> Tensor:
        """g ~ Gumbel(0, 1) for the logits t of all choices [positions, N]."""
        if self.generator.device != t.device:
            self.generator = torch.Generator(t.device).manual_seed(self.generator.initial_seed())
        return gumbel(t.shape, self.generator, t.dtype)

    def extra_repr(self) -> str:
        return f"{len(self.spans)} spans, {self.width} wide, tau={self.tau}"


def gumbel(shape: Sequence[int], generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """-log(-log u) for u ~ U(0, 1), on the generator's device."""
    u = torch.rand(shape, generator=generator, device=generator.device, dtype=dtype)
    return u.clamp_(min=torch.finfo(dtype).tiny).log_().neg_().log_().neg_()


class Growing(nn.Module):
    """h -> [relu(bn(W h + b)), h]: what was there stays beside what is new.   [N, a] -> [N, width + a]."""

    def __init__(self, a: int, width: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(a, width), nn.BatchNorm1d(width)

    def forward(self, h: Tensor) -> Tensor:
        return torch.cat([relu(self.norm(self.linear(h))), h], 1)


class TableGenerator(nn.Module):
    """x = a(G(z, c)).   z [N, z_dim], c [N, conditions] or None -> rows x [N, W].

    Args:
        spans, tau: of `SpanActivation`.
        z_dim: numbers in a latent.
        conditions: K, 0 for none.
        widths: of the growing layers.

    Raises:
        ValueError: as `SpanActivation`; conditions missing or not asked for.
    """

    def __init__(self, spans: Sequence[int], *, z_dim: int = 128, conditions: int = 0,
                 widths: Sequence[int] = (256, 256), tau: float = 0.2) -> None:
        super().__init__()
        self.activation = SpanActivation(spans, tau)
        self.z_dim, self.conditions = z_dim, conditions
        layers, features = list[nn.Module](), z_dim + conditions
        for width in widths:
            layers.append(Growing(features, width))
            features += width
        self.layers = nn.Sequential(*layers, nn.Linear(features, self.activation.width))

    def logits(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """h [N, W], before the spans' activation: what the loss of a condition looks at."""
        return widened(self.layers(_beside(z, c, self.conditions)))

    def forward(self, z: Tensor, c: Tensor | None = None, g: Tensor | None = None) -> Tensor:
        return self.activation(self.logits(z, c), g)


class TableCritic(nn.Module):
    """logits = D(rows and conditions, `pac` at a time).   [N, W + K] -> [N / pac], float32.

    `packed` is D as a function of packs [N / pac, pac (W + K)], each logit from its own pack; penalties look at it. A
    stack of linear layers, leaky rectifiers (0.2) and dropout: piecewise linear with its masks held.

    Raises:
        ValueError: N no multiple of pac.
    """

    def __init__(self, features: int, *, widths: Sequence[int] = (256, 256), pac: int = 10,
                 dropout: float = 0.5) -> None:
        super().__init__()
        self.pac, self.mixes_examples = pac, pac > 1
        sizes = [pac * features, *widths]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.dropout, self.last = Dropout(dropout), nn.Linear(sizes[-1], 1)

    def packed(self, packs: Tensor, y: Any = None, *, masks: Sequence[Tensor] | None = None) -> Tensor:
        """One logit a pack; with `masks` [N / pac, width], one a hidden layer, in place of dropout's own."""
        h = packs
        for layer, linear in enumerate(self.hidden):
            h = leaky_relu(linear(h), 0.2)
            h = self.dropout(h) if masks is None else h * masks[layer].to(h.dtype)
        return widened(self.last(h)).squeeze(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.packed(pack(x, self.pac))


def _beside(z: Tensor, c: Tensor | None, conditions: int) -> Tensor:
    given = 0 if c is None else c.shape[1]
    if given != conditions:
        raise ValueError(f"conditions of {given} numbers for a generator made for {conditions}; give it c [N, "
                         f"{conditions}]" if conditions else "this generator was made without conditions: leave c out")
    return z if c is None else torch.cat([z, c.to(z.dtype)], 1)
