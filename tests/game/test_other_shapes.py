"""Games of other shapes: unrolled, in two stages, and WGAN-GP against the same written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from mintage.game import (
    Game,
    Move,
    Player,
    Stage,
    Stages,
    adam,
    derive,
    generator,
    play,
    returns,
    sgd,
    simultaneous,
    unrolled,
)

from .small_games import Linear, Points, equal, mlp, normal, rounds, snapshot

zeros = Points(lambda g, n: torch.zeros(n, 1, dtype=torch.float64), 1)


# -- unrolled ----------------------------------------------------------------------------------------------------


def ns_critic(nets, round):
    return {"loss": softplus(-nets.D(round.batch)).mean() + softplus(nets.D(nets.G.w))}


def ns_generator(nets, round):
    return {"loss": softplus(-nets.D(nets.G.w))}


def bilinear_critic(nets, round):
    return {"loss": nets.D(nets.G.w)}


def bilinear_generator(nets, round):
    return {"loss": -nets.D(nets.G.w)}


def dirac(critic, objective, **more) -> Game:
    players = {"D": Player("D", sgd(0.1)), "G": Player("G", sgd(0.1))}
    return Game({"G": Linear(1.0), "D": Linear(1.0)}, players, [Move("D", critic), Move("G", objective)], **more)


def ahead(objective, by, steps, lr=0.1):
    return unrolled(objective, opponent="D", by=by, steps=steps, lr=lr)


def test_unrolling_no_step_is_the_plain_game_to_the_bit():
    games = [dirac(ns_critic, objective) for objective in (ns_generator, ahead(ns_generator, ns_critic, 0))]
    for game in games:
        rounds(game, zeros, 20)
    assert equal(snapshot(games[0]), snapshot(games[1]))


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_unrolled_gradient_goes_through_the_answers_of_the_opponent(steps):
    """On the Dirac-GAN, against central differences of the loss after the critic's answers, in plain numbers."""
    def after(theta: float) -> float:
        psi = torch.tensor(0.7, dtype=torch.float64)
        for _ in range(steps):
            psi = psi - 0.3 * theta * torch.sigmoid(psi * theta)
        return softplus(-psi * theta).item()

    game = dirac(ns_critic, ahead(ns_generator, ns_critic, steps, lr=0.3), rule=simultaneous)
    with torch.no_grad():
        game.net("D").w.fill_(0.7)
    rounds(game, zeros, 1)
    gradient = (1.0 - game.net("G").w.item()) / 0.1
    assert gradient == pytest.approx((after(1 + 1e-5) - after(1 - 1e-5)) / 2e-5, rel=1e-6)
    frozen = -0.7 * torch.sigmoid(torch.tensor(-0.7)).item()
    assert abs(gradient - frozen) > 0.01  # it is not the gradient of the plain game
    assert game.net("D").w.item() == pytest.approx(0.7 - 0.1 / (1 + 2.718281828459045**-0.7), rel=1e-12)


def test_unrolling_makes_a_rotation_converge():
    radii = []
    for objective in (bilinear_generator, ahead(bilinear_generator, bilinear_critic, 5)):
        game = dirac(bilinear_critic, objective, rule=simultaneous)
        rounds(game, zeros, 200)
        radii.append(torch.hypot(game.net("G").w, game.net("D").w).item())
    assert radii[0] > 3 and radii[1] < 1e-3


def test_an_unrolled_network_takes_named_inputs():
    class Conditional(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Parameter(torch.ones(()))

        def forward(self, x, *, y=1.0):
            return self.a * x * y

    def d(nets, round):
        return {"loss": nets.D(nets.G.w.sum(), y=3.0)}

    game = Game({"G": Linear(2.0, dtype=torch.float32), "D": Conditional()},
                {"D": Player("D", sgd(0.1)), "G": Player("G", sgd(0.1))},
                [Move("G", unrolled(d, opponent="D", by=d, steps=1, lr=0.5))])
    rounds(game, zeros, 1)  # a' = 1 - 1.5 w, so d/dw 3 w a' = 3 - 9 w = -15
    assert game.net("G").w.item() == pytest.approx(2.0 + 1.5)


# -- two stages --------------------------------------------------------------------------------------------------


def test_pretraining_and_play_share_a_generator():
    """SRGAN in miniature: of pairs (1, s) with a hidden sign s, regression learns the blurred mean, the game a sign."""
    def law(g, n):
        sign = 2.0 * torch.randint(2, (n, 1), generator=g) - 1
        return torch.cat([torch.ones(n, 1), sign], 1)

    pairs = Points(law, 64)
    G, D = mlp(2, 16, 1, seed=3), mlp(1, 16, 1, seed=4)

    def upscale(nets, round):
        return nets.G(torch.cat([round.batch[:, :1], round.draw(normal(1))], 1))

    def content(nets, round):
        return {"content": (upscale(nets, round) - round.batch[:, 1:]).square().mean()}

    def d(nets, round):
        return {"loss": (softplus(-nets.D(round.batch[:, 1:])) + softplus(nets.D(upscale(nets, round)))).mean()}

    @returns("content", "loss")
    def g(nets, round):
        return content(nets, round) | {"loss": softplus(-nets.D(upscale(nets, round))).mean()}

    stages = Stages(
        Stage(Game({"G": G}, {"G": Player("G", adam(1e-2))}, [Move("G", content)]), 1.0),
        Stage(Game({"G": G, "D": D}, {"D": Player("D", adam(1e-2)), "G": Player("G", adam(1e-2))},
                   [Move("D", d), Move("G", g, weights={"content": 0.01})]), 4.0))
    first, second = (stage.game for stage in stages.stages)
    spread, weights, critic = [], None, snapshot(second)["nets/D.0.weight"]
    for number, _ in enumerate(play(stages, pairs, 64 * 500), start=1):
        if number == 100:
            weights = snapshot(first)
            assert second.index == 0 and torch.equal(D[0].weight, critic)
        with torch.no_grad():
            z = torch.linspace(-2, 2, 41)[:, None]
            spread.append(G(torch.cat([torch.ones_like(z), z], 1)).abs().mean().item())
    assert (first.index, second.index, stages.examples) == (100, 400, 64 * 500)
    assert spread[99] < 0.3 and spread[-1] > 0.7  # the mean of both signs; then one sign or the other
    optimizers = {n: t for n, t in snapshot(first).items() if n.startswith("optimizers/")}
    assert all(torch.equal(t, weights[n]) for n, t in optimizers.items())  # each stage has its own


# -- against the longhand ----------------------------------------------------------------------------------------

cloud = Points(lambda g, n: torch.randn(n, 2, generator=g) * 0.3 + 1, 16)
prior = normal(3)


def penalty(D, real, fake, draws):
    mix = torch.rand(len(real), 1, generator=draws)
    between = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(D(between).sum(), between, create_graph=True)
    return (slope.norm(2, dim=1) - 1).square().mean()


def wgan_gp() -> Game:
    @returns("loss", "penalty")
    def d(nets, round):
        real, fake = round.batch, nets.G(round.draw(prior))
        return {"loss": nets.D(fake).mean() - nets.D(real).mean(),
                "penalty": penalty(nets.D, real, fake, round.generator("mix"))}

    def g(nets, round):
        return {"loss": -nets.D(nets.G(round.draw(prior))).mean()}

    return Game({"G": mlp(3, 8, 2, seed=1), "D": mlp(2, 8, 1, seed=2)},
                {"D": Player("D", adam(1e-3, 0.0, 0.9)), "G": Player("G", adam(1e-3, 0.0, 0.9))},
                [Move("D", d, repeat=3, weights={"penalty": 10.0}), Move("G", g)])


def longhand(seed: int, n: int) -> tuple[nn.Module, nn.Module]:
    """WGAN-GP as one would write it with no library; its draws come from the keys of the game's rounds."""
    G, D = mlp(3, 8, 2, seed=1), mlp(2, 8, 1, seed=2)
    adam_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.0, 0.9), fused=True)
    adam_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.0, 0.9), fused=True)
    from_seed, position = derive(seed, 0), 0
    for index in range(n):
        for turn in range(3):
            real = cloud(position)
            position += 16
            z = prior(16, generator(from_seed, index, 0, turn, "latent", 0))
            fake = G(z).detach()
            loss = D(fake).mean() - D(real).mean()
            loss = loss + 10 * penalty(D, real, fake, generator(from_seed, index, 0, turn, "mix", 0))
            adam_d.zero_grad()
            loss.backward()
            adam_d.step()
        z = prior(16, generator(from_seed, index, 1, 0, "latent", 0))
        loss = -D(G(z)).mean()
        adam_g.zero_grad()
        loss.backward()
        adam_g.step()
    return G, D


def test_wgan_gp_equals_the_longhand_to_the_bit():
    game = wgan_gp()
    rounds(game, cloud, 10, seed=3)
    G, D = longhand(3, 10)
    for name, net in (("G", G), ("D", D)):
        for (key, ours), theirs in zip(game.net(name).named_parameters(), net.parameters(), strict=True):
            assert torch.equal(ours, theirs), f"{name}.{key}"
    assert game.examples == 10 * 3 * 16
