"""Systems in miniature, built from the room alone: the loop has no special case for any of them.

Each is trained for some rounds and must do what its paper says it does.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, softplus

from mintage.game import Average, Game, Growth, Move, Player, Pool, Sampler, adam, linear, play, returns, sgd

from .small_games import Linear, Points, mlp, normal, rounds, seeded


def test_cyclegan():
    """Four networks, two players: fakes go from move to move as notes, critics see a pool of old ones."""
    a_mean, b_mean = torch.tensor([2.0, 0.0]), torch.tensor([-2.0, 1.0])
    both = Points(lambda g, n: torch.stack([a_mean, b_mean]) + 0.5 * torch.randn(n, 2, 2, generator=g), 32)
    seen = []

    @returns("adversarial", "cycle")
    def translate(nets, round):
        a, b = round.batch.unbind(1)
        fake_a, fake_b = nets.BA(b), nets.AB(a)
        round.notes |= {"fake_a": fake_a.detach(), "fake_b": fake_b.detach()}
        return {"adversarial": (nets.DA(fake_a) - 1).square().mean() + (nets.DB(fake_b) - 1).square().mean(),
                "cycle": (nets.BA(fake_b) - a).abs().mean() + (nets.AB(fake_a) - b).abs().mean()}

    def criticise(nets, round):
        loss = torch.zeros(())
        for letter, net, real in zip("ab", (nets.DA, nets.DB), round.batch.unbind(1), strict=True):
            fake = pools[letter](round.notes[f"fake_{letter}"], round.generator("pool"))
            seen.append(torch.isin(fake, round.notes[f"fake_{letter}"]).all(1).float().mean().item())
            loss = loss + (net(real) - 1).square().mean() + net(fake).square().mean()
        weights = [p for net in (nets.DA, nets.DB) for p in net.parameters() if p.dim() == 2]
        return {"loss": loss / 2, "penalty": 0.05 * sum(w.square().sum() for w in weights)}

    pools = {"a": Pool(50), "b": Pool(50)}
    nets = {name: seeded(lambda: nn.Linear(2, 2), number) for number, name in enumerate(("AB", "BA"))}
    nets |= {name: mlp(2, 16, 1, seed=number) for number, name in enumerate(("DA", "DB"))}
    game = Game(nets, {"G": Player(("AB", "BA"), adam(1e-2)), "D": Player(("DA", "DB"), adam(1e-2))},
                [Move("G", translate, weights={"cycle": 1.0}), Move("D", criticise)], memory=pools,
                controllers=[Average("AB", "BA", half_life=32 * 50)])
    a, b = both(-1).unbind(1)
    rounds(game, both, 500)
    with torch.no_grad():
        fake_b = game.mean_nets.AB(a)
        assert (fake_b.mean(0) - b_mean).norm() < 0.6 < (a.mean(0) - b_mean).norm()
        assert (game.mean_nets.BA(fake_b) - a).abs().mean() < 0.15
        assert (game.mean_nets.BA(b).mean(0) - a_mean).norm() < 0.6
    assert len(pools["a"].held) == len(pools["b"].held) == 50
    # Half are new; of the other half, from the pool of 50, some 8 in 50 have just been put there by this batch of 32.
    assert sum(seen[-200:]) / 200 == pytest.approx(0.5 + 0.5 * 8 / 50, abs=0.03)


class TwoHeads(nn.Module):
    """InfoGAN's D: a trunk, the critic's head, and Q."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(1, 32), nn.LeakyReLU(0.2))
        self.logit, self.q = nn.Linear(32, 1), nn.Linear(32, 2)

    def forward(self, x):
        h = self.trunk(x)
        return self.logit(h), self.q(h)


def test_infogan():
    """Q is a head of D and owned by D; the information term stands in both objectives and finds the two clusters."""
    real = Points(lambda g, n: 4.0 * torch.randint(2, (n, 1), generator=g) - 2
                  + 0.3 * torch.randn(n, 1, generator=g), 64)

    def fake(nets, round):
        code = torch.randint(2, (round.size,), generator=round.generator("code"))
        z = round.draw(normal(1))
        return code, nets.G(torch.cat([z, 2.0 * code[:, None] - 1], 1))

    def d(nets, round):
        code, x = fake(nets, round)
        logit, q = nets.D(x)
        return {"loss": (softplus(-nets.D(round.batch)[0]) + softplus(logit)).mean(),
                "information": cross_entropy(q, code)}

    def g(nets, round):
        code, x = fake(nets, round)
        logit, q = nets.D(x)
        return {"loss": softplus(-logit).mean(), "information": cross_entropy(q, code)}

    D = seeded(TwoHeads, 3)
    before = D.q.weight.detach().clone()
    game = Game({"G": mlp(2, 32, 1, seed=1), "D": D}, {"D": Player("D", adam(5e-3)), "G": Player("G", adam(5e-3))},
                [Move("D", d), Move("G", g)])
    last = [round.stats["G/information"] for round in play(game, real, 64 * 500)][-50:]
    assert torch.stack(last).mean() < 0.1 < math.log(2)  # nats that Q does not know of the code
    assert not torch.equal(D.q.weight, before)
    with torch.no_grad():
        codes = torch.tensor([-1.0, 1.0]).repeat_interleave(200)[:, None]
        x = game.net("G")(torch.cat([torch.randn(400, 1, generator=torch.Generator().manual_seed(0)), codes], 1))
    low, high = sorted((x[:200].mean().item(), x[200:].mean().item()))
    assert -2.6 < low < -1.4 and 1.4 < high < 2.6  # one code a cluster


class Growing(nn.Module):
    """Signals of 4 samples that grow to 8: the finer level is added as far as the knob says."""

    def __init__(self, level) -> None:
        super().__init__()
        self.coarse, self.fine = nn.Linear(3, 4), nn.Linear(3, 8)
        self.register_buffer("level", level)

    def forward(self, z):
        return self.coarse(z).repeat_interleave(2, dim=1) + self.level * self.fine(z)


class Judging(nn.Module):
    def __init__(self, level) -> None:
        super().__init__()
        self.coarse, self.fine = mlp(4, 16, 1, seed=5), mlp(8, 16, 1, seed=6)
        self.register_buffer("level", level)

    def forward(self, x):
        return self.coarse(x.unflatten(1, (4, 2)).mean(2)) + self.level * self.fine(x)


def test_progressive_growing():
    """One knob is shared by both networks, the controller and the data; weights never change identity."""
    wave = torch.tensor([1.0, -1.0]).repeat(4)  # seen at the finer level only
    real = Points(lambda g, n: torch.tensor([2.0, 0.0, -1.0, 1.0]).repeat_interleave(2) + wave
                  + 0.1 * torch.randn(n, 8, generator=g), 32)
    level = torch.zeros(())
    G, D = seeded(lambda: Growing(level), 1), seeded(lambda: Judging(level), 2)

    def pooled(nets, round):
        coarse = round.batch.unflatten(1, (4, 2)).mean(2).repeat_interleave(2, dim=1)
        return coarse + nets.D.level * (round.batch - coarse)

    def d(nets, round):
        real, fake = pooled(nets, round), nets.G(round.draw(normal(3)))
        weights = [p for p in nets.D.parameters() if p.dim() == 2]
        return {"loss": (softplus(-nets.D(real)) + softplus(nets.D(fake))).mean(),
                "penalty": 0.01 * sum(w.square().sum() for w in weights[:2]) + 0.01 * level * sum(
                    w.square().sum() for w in weights[2:])}

    def g(nets, round):
        return {"loss": softplus(-nets.D(nets.G(round.draw(normal(3))))).mean()}

    game = Game({"G": G, "D": D}, {"D": Player("D", adam(1e-2)), "G": Player("G", adam(1e-2))},
                [Move("D", d), Move("G", g)], controllers=[Growth(level, 2), Average("G", half_life=32 * 40)],
                sampler=Sampler(normal(3), lambda nets, z, y: nets.G(z)))
    fine, budget, levels = G.fine.weight.detach().clone(), 32 * 600, []
    for round in play(game, real, budget):
        levels.append(level.item())
        if round.index < 199:  # the finer level has not spoken, so it has not learnt
            assert torch.equal(G.fine.weight, fine)
    assert levels[198] == 0.0 and 0.4 < levels[299] < 0.6 and levels[-1] == 1.0
    assert not torch.equal(G.fine.weight, fine)
    assert G.level is D.level is level and len([n for n in game.tensors() if n.endswith("level")]) == 2
    mean = game.generate(game.sampler.latents(200, torch.Generator().manual_seed(0))[0]).mean(0)
    assert (mean - real(-1).mean(0)).abs().max() < 0.6
    assert (mean * wave).mean() > 0.6  # the fine structure is there


def test_vae_is_a_game_of_one():
    """A linear VAE reaches the entropy of its data, where the bound is tight (Lucas et al. 2019, arXiv 1911.02469)."""
    noise = 0.5
    data = Points(lambda g, n: torch.randn(n, 1, generator=g) * torch.tensor([[1.5, 1.0]])
                  + noise * torch.randn(n, 2, generator=g), 256)

    class Vae(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = nn.Linear(2, 1), nn.Linear(1, 2)
            self.log_std = nn.Parameter(torch.zeros(1))

    @returns("reconstruction", "kl")
    def bound(nets, round):
        mean, std = nets.V.encoder(round.batch), nets.V.log_std.exp()
        z = mean + std * torch.randn(mean.shape, generator=round.generator("latent"))
        error = (nets.V.decoder(z) - round.batch).square().sum(1) / (2 * noise**2)
        return {"reconstruction": error.mean() + math.log(2 * math.pi * noise**2),
                "kl": ((mean.square() + std.square() - 1) / 2 - nets.V.log_std).sum(1).mean()}

    game = Game({"V": seeded(Vae)}, {"V": Player("V", adam(linear(0.05, 0.001), beta1=0.9))},
                [Move("V", bound, weights={"kl": linear(0.0, 1.0, fraction=0.3)})])
    kl, total = [], []
    for round in play(game, data, 256 * 400):
        kl.append(round.stats["V/kl"].item())
        total.append(sum(term.item() for name, term in round.stats.items() if name != "V/gradient"))
    covariance = torch.tensor([[1.5**2 + noise**2, 1.5], [1.5, 1 + noise**2]])
    entropy = 0.5 * math.log(covariance.det().item()) + 1 + math.log(2 * math.pi)
    assert sum(total[-100:]) / 100 == pytest.approx(entropy, abs=0.05)
    assert max(kl[:120]) > kl[-1] + 0.3  # unpaid at first, so the code said more than it is worth
    posterior = 1 / math.sqrt(1 + (1.5**2 + 1) / noise**2)
    assert game.net("V").log_std.exp().item() == pytest.approx(posterior, rel=0.1)


# -- constraints and lazy moves ----------------------------------------------------------------------------------


def test_a_lazy_penalty_keeps_its_strength():
    """D lowers -m w + gamma/2 w^2, whose minimum is m/gamma, with the penalty paid every 16th round sixteenfold."""
    steps = []

    def loss(nets, round):
        return {"loss": -1.5 * nets.D.w.sum()}

    @returns("r1")
    def penalty(nets, round):
        steps.append(round.index)
        return {"r1": nets.D.w.square().sum() / 2}

    w = {}
    for every in (1, 16):
        game = Game({"D": Linear(0.0)}, {"D": Player("D", sgd(1e-3))},
                    [Move("D", loss), Move("D", penalty, every=every, weights={"r1": 3.0})])
        track = [game.net("D").w.item() for _ in play(game, Points(lambda g, n: torch.zeros(n), 1), 2000)]
        w[every] = sum(track[-160:]) / 160
    assert w[1] == pytest.approx(0.5, rel=0.01) and w[16] == pytest.approx(0.5, rel=0.03)
    assert steps == [*range(2000), *range(0, 2000, 16)]


def test_adam_made_lazy():
    """c = 16/17: rate c lr, decays beta^c; then 17 steps decay as 16 did."""
    optimizer = adam(linear(0.1, 0.0), beta1=0.5, beta2=0.99).lazy(16)
    game = Game({"D": Linear(0.0)}, {"D": Player("D", optimizer)}, [Move("D", lambda n, r: {"loss": n.D.w.sum()})])
    rounds(game, Points(lambda g, n: torch.zeros(n), 1), 51, budget=100)
    (group,) = game.optimizers["D"].param_groups
    assert group["lr"] == pytest.approx(16 / 17 * 0.05) and group["eps"] == 1e-8
    assert group["betas"][0] ** 17 == pytest.approx(0.5**16) and group["betas"][1] ** 17 == pytest.approx(0.99**16)


def test_weight_clipping_is_a_projection():
    """It holds after every step, and the clipped critic's weights pile up at the two ends (Gulrajani et al. 2017)."""
    def clip(net):
        for p in net.parameters():
            p.clamp_(-0.01, 0.01)

    real = Points(lambda g, n: torch.randn(n, 4, generator=g).abs(), 16)
    D = mlp(4, 16, 1, seed=1)
    game = Game({"D": D, "G": mlp(2, 4, seed=2)},
                {"D": Player("D", sgd(0.5), project=clip), "G": Player("G", sgd(1e-3))},
                [Move("D", lambda n, r: {"loss": n.D(n.G(r.draw(normal(2)))).mean() - n.D(r.batch).mean()}, repeat=2),
                 Move("G", lambda n, r: {"loss": -n.D(n.G(r.draw(normal(2)))).mean()})])
    for _ in play(game, real, 32 * 60):
        assert max(p.abs().max().item() for p in D.parameters()) <= 0.01 + 1e-9
    at_an_end = torch.cat([p.detach().flatten() for p in D.parameters() if p.dim() == 2]).abs() > 0.0099
    assert at_an_end.float().mean() > 0.6
    assert max(p.abs().max().item() for p in game.net("G").parameters()) > 0.1  # the other player is free
