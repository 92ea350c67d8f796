"""What is lowered is changed: terms are added to a move, or the objective of a move is another."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import torch

from mintage.data import DataSpec
from mintage.game import Game, Move, Round, Terms, returns, unrolled
from mintage.networks import feature_layer, with_features
from mintage.objectives import feature_matching, smoothable, smoothing
from mintage.penalties import PENALTIES, Anchors, historical, lecam
from mintage.systems.moves import Shown, labelled
from mintage.systems.options import Count, Decay, NotNegative, Positive, Share
from mintage.systems.stabilisers.layers import quickened
from mintage.systems.stabilisers.remaking import Past, loss_of, owner, remade, replaced, trial, with_terms


def label_smoothing(game: Game, spec: DataSpec, *, target: Share = 0.9) -> Game:
    """D is told that reals are real with probability 0.9: its loss gains 0.1 E D(x).

    Improved Techniques for Training GANs (Salimans et al., 2016), section 3.4, https://arxiv.org/abs/1606.03498

    Args:
        target: The probability D is told.
    """
    smoothable(loss_of(game), target)
    return with_terms(game, lambda nets, round, shown: {"smoothing": smoothing(shown.a, target)}, {"smoothing": 1.0})


def consistency(game: Game, spec: DataSpec, *, weight: NotNegative = 10.0) -> Game:
    """D says the same of a real example and of its mirrored and shifted copy: + 10 E (D(x) - D(T(x)))^2.

    Consistency Regularization for Generative Adversarial Networks (Zhang et al., 2020),
    https://arxiv.org/abs/1910.12027

    Args:
        weight: Of the penalty.
    """
    return _penalised(game, "consistency", weight)


def balanced_consistency(game: Game, spec: DataSpec, *, weight: NotNegative = 10.0) -> Game:
    """D says the same of an example, real or fake, and of its mirrored and shifted copy.

    Improved Consistency Regularization for GANs (Zhao et al., 2021), https://arxiv.org/abs/2002.04724

    Args:
        weight: Of the penalty, on reals and on fakes.
    """
    return _penalised(game, "balanced-consistency", weight)


def lecams(game: Game, spec: DataSpec, *, weight: NotNegative = 0.3, decay: Decay = 0.99) -> Game:
    """D's logits stay near what they used to be on the other kind of examples.

    Regularizing Generative Adversarial Networks under Limited Data (Tseng et al., 2021),
    https://arxiv.org/abs/2104.03310

    Args:
        weight: Of the penalty; 0.3 for the paper's BigGAN on CIFAR-10.
        decay: Of the anchors.
    """
    anchors = Anchors(decay)

    def extra(nets: Any, round: Round, shown: Shown) -> Terms:
        anchors.update(shown.a, shown.b)
        return {"lecam": lecam(shown.a, shown.b, anchors)}

    return with_terms(game, extra, {"lecam": weight}, memory={"anchors": anchors})


def historical_averaging(game: Game, spec: DataSpec, *, weight: NotNegative = 1e-3,
                         of: Literal["D", "G", "both"] = "both") -> Game:
    """Players stay near the mean of what they have been: + 0.001 |theta - mean theta|^2.

    Improved Techniques for Training GANs (Salimans et al., 2016), section 3.3, https://arxiv.org/abs/1606.03498

    Args:
        weight: Of the penalty; the paper gives none. With 1 a network of a million weights hardly moves.
        of: The players, by their network.
    """
    names = [n for n in (("D", "G") if of == "both" else (of,)) if n in dict(game.nets.named_children())]
    pasts = {player: Past(game, player) for player in dict.fromkeys(owner(game, name) for name in names)}
    moves, seen = [], set()
    for move in game.moves:
        if move.player in pasts and move.player not in seen:
            seen.add(move.player)

            def objective(nets: Any, round: Round, inner: Any = move.objective,
                          past: Past = pasts[move.player]) -> Terms:
                return inner(nets, round) | {"history": historical(past.parameters, past)}

            move = replaced(move, objective, {"history": weight})
        moves.append(move)
    return remade(game, moves=moves, controllers=list(pasts.values()))


def matching(game: Game, spec: DataSpec) -> Game:
    """G lowers |E f(x) - E f(G(z))|^2 in the place of its own loss, f the features of D.

    Improved Techniques for Training GANs (Salimans et al., 2016), section 3.1, https://arxiv.org/abs/1606.03498
    """
    number, sampler = _generator_move(game), game.sampler
    _not_ahead(game.moves[number])
    if sampler is None:
        raise ValueError("it has no sampler, so fakes cannot be asked for")
    if game.moves[number].declared != ("loss",):
        raise ValueError(f"its generator lowers the terms {game.moves[number].declared}, and feature matching would "
                         "take the place of all of them; choose a system whose generator has one loss")
    if getattr(game.net("D"), "beside", 0):
        raise ValueError("its critic sees codes or captions beside examples, and features of both together are not "
                         "those of examples; choose a system whose critic sees examples alone")
    layer = feature_layer(game.net("D"), *trial(game, spec))

    @returns("loss")
    def objective(nets: Any, round: Round) -> Terms:
        x, y = labelled(round, sampler.classes > 0)
        fake = sampler.generate(nets, round.draw(sampler.prior), y)
        with torch.no_grad():
            real = with_features(nets.D, layer, x, y)[1]
        return {"loss": feature_matching(real, with_features(nets.D, layer, fake, y)[1])}

    return remade(game, moves=_swapped(game, number, replace(game.moves[number], objective=objective)))


def unrolling(game: Game, spec: DataSpec, *, steps: Count = 5, lr: Positive = 2e-4) -> Game:
    """G lowers its loss as it will be after D's next steps, and gradients flow through these.

    Unrolled Generative Adversarial Networks (Metz et al., 2017), https://arxiv.org/abs/1611.02163

    Args:
        steps: Of gradient descent that D is looked ahead.
        lr: What a step moves a weight by, in root mean square, as a first step of Adam would.
    """
    number, theirs = _generator_move(game), next(m for m in game.moves if "D" in game.players[m.player].nets)
    mine = game.moves[number]
    _not_ahead(mine)
    if getattr(theirs.objective, "joined", False):
        raise ValueError("its critic's gradient is found jointly with its penalties', which cannot be differentiated "
                         "again; choose a system without R1 and R2, as dcgan or gan")
    ahead = unrolled(mine.objective, opponent="D", by=theirs.objective, steps=steps, lr=lr, sized=True)
    return remade(game, moves=_swapped(game, number, replace(mine, objective=ahead)))


def two_rates(game: Game, spec: DataSpec, *, ratio: Positive = 4.0) -> Game:
    """D learns faster than G: its rate times sqrt(ratio), G's divided by it.

    GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium (Heusel et al., 2017),
    https://arxiv.org/abs/1706.08500

    Args:
        ratio: Of the rates; 4 makes 4e-4 and 1e-4 of two rates of 2e-4.
    """
    players, factors = dict(game.players), {"D": math.sqrt(ratio), "G": 1 / math.sqrt(ratio)}
    if owner(game, "D") == owner(game, "G"):
        raise ValueError("one player owns both D and G, so they have one rate; choose a system of two players")
    for net, factor in factors.items():
        players[owner(game, net)] = quickened(players[owner(game, net)], factor)
    return remade(game, players=players)


def critic_steps(game: Game, spec: DataSpec, *, k: Count = 5) -> Game:
    """D moves k times for each move of G, on fresh examples.

    Generative Adversarial Nets (Goodfellow et al., 2014), algorithm 1, https://arxiv.org/abs/1406.2661

    Args:
        k: The critic's moves a round.
    """
    D = owner(game, "D")
    return remade(game, moves=[replace(move, repeat=k) if move.player == D and move.every == 1 else move
                               for move in game.moves])


def _penalised(game: Game, name: str, weight: float) -> Game:
    penalty = PENALTIES[name]

    def extra(nets: Any, round: Round, shown: Shown) -> Terms:
        return {name: penalty.term(nets.D, shown.real, shown.fake, shown.y, round.generator(name))}

    return with_terms(game, extra, {name: weight})


def _not_ahead(move: Move) -> None:
    if getattr(move.objective, "looks_ahead", 0):
        raise ValueError("its generator looks ahead at the critic's next steps already; set the system's own steps, or "
                         "choose another system")


def _generator_move(game: Game) -> int:
    return next(number for number, move in enumerate(game.moves) if "G" in game.players[move.player].nets)


def _swapped(game: Game, number: int, move: Move) -> list[Move]:
    return [move if k == number else other for k, other in enumerate(game.moves)]
