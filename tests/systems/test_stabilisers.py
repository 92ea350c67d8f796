"""Stabilisers: each does to a game what it says, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mintage.data import DataSpec
from mintage.game import Game, Move, Stage, Stages, generator, play
from mintage.game.compiling import compile_moves
from mintage.latent import normal
from mintage.networks import PackedLayer, ReferenceNorm, ResidualDiscriminator, SpectralNorm, see_through
from mintage.objectives import non_saturating, one_sided
from mintage.penalties import autograd, logits_and_slopes, per_example, piecewise_linear
from mintage.systems import SettingError
from mintage.systems.dcgan import dcgan
from mintage.systems.moves import critic
from mintage.systems.stabilisers import STABILISERS, settings_of, stabilise, written
from mintage.systems.stabilisers.remaking import remade

from .test_battery import Noise

SPEC = DataSpec("image", (1, 28, 28))


def made(wanted: Any = "", seed: int = 0, **options: Any) -> Game:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        game = stabilise(dcgan(SPEC, size="XS", **options), SPEC, wanted)
    assert isinstance(game, Game)
    return game


def rounds(game: Game, count: int = 3, seed: int = 1, batch: int = 4) -> list[Any]:
    return list(play(game, Noise(SPEC, batch), count * batch, seed=seed))


def weights(game: Game, net: str) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in game.net(net).parameters()])


# -- what is lowered --------------------------------------------------------------------------------------------------


def test_label_smoothing_is_the_smoothed_objective() -> None:
    """Added to the game from outside, it plays as a system written with one_sided(loss)."""
    added, within = made("label-smoothing:target=0.8"), made()
    moves = [Move("D", critic(one_sided(non_saturating, 0.8), normal(100))), within.moves[1]]
    within = remade(within, moves=moves)
    rounds(added)
    rounds(within)
    assert torch.allclose(weights(added, "D"), weights(within, "D"), atol=1e-5)
    assert torch.allclose(weights(added, "G"), weights(within, "G"), atol=1e-5)


def test_terms_are_logged_by_name_with_their_weights() -> None:
    game = made("label-smoothing,lecam:weight=0.5,consistency,historical-averaging:of=D")
    stats = rounds(game, 1)[0].stats
    assert {"D/loss", "D/smoothing", "D/lecam", "D/consistency", "D/history"} <= set(stats) and "G/history" not in stats
    assert game.moves[0].weights == {"smoothing": 1.0, "consistency": 10.0, "lecam": 0.5, "history": 1e-3}
    assert float(stats["D/history"]) == 0.0  # nothing has moved yet


def test_historical_averaging_is_the_distance_from_the_mean_of_the_rounds() -> None:
    game, seen = made("historical-averaging:weight=0"), []
    seen.append(weights(game, "G"))
    for round in play(game, Noise(SPEC), 5 * 4, seed=1):
        expected = (seen[-1] - torch.stack(seen).mean(0)).square().sum()
        assert float(round.stats["G/history"]) == pytest.approx(float(expected), rel=1e-3, abs=1e-9)
        seen.append(weights(game, "G"))


def test_feature_matching_takes_the_place_of_the_generators_loss() -> None:
    game, plain = made("feature-matching"), made()
    stats, other = rounds(game, 1)[0].stats, rounds(plain, 1)[0].stats
    assert float(stats["D/loss"]) == float(other["D/loss"]) and float(stats["G/loss"]) != float(other["G/loss"])
    assert float(stats["G/gradient"]) > 0


def test_no_unrolled_steps_at_rate_0_are_none() -> None:
    game, plain = made("unrolled:steps=2:lr=1e-30"), made()
    rounds(game, 1)
    rounds(plain, 1)
    assert torch.allclose(weights(game, "D"), weights(plain, "D"))
    assert float(rounds(made("unrolled"), 1)[0].stats["G/loss"]) > float(rounds(made(), 1)[0].stats["G/loss"])


def test_two_rates_and_steps() -> None:
    game = made("two-rates:ratio=9,critic-steps:k=3")
    rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in game.optimizers.items()}
    assert rates == pytest.approx({"D": 6e-4, "G": 2e-4 / 3})
    round = rounds(game, 1)[0]
    assert [move.repeat for move in game.moves] == [3, 1] and round.draws == 3
    rounds(game, 5)
    assert rates == {name: optimizer.param_groups[0]["lr"] for name, optimizer in game.optimizers.items()}


# -- what D sees ------------------------------------------------------------------------------------------------------


def test_samples_see_nothing_of_what_is_put_before_the_critic() -> None:
    z, _ = made().sampler.latents(3, generator(0))
    expected = made().generate(z)
    for name in ("diffaug", "ada:p=1", "instance-noise:sigma=5"):
        assert torch.equal(made(name).generate(z), expected)


def test_what_d_sees_is_drawn_and_the_same_from_run_to_run() -> None:
    def losses(name: str) -> list[float]:
        return [float(round.stats["D/loss"]) for round in rounds(made(name, lr=1e-12), 2)]

    first, again = losses("diffaug"), losses("diffaug")
    assert first == again and first != losses("")


def test_the_generators_gradient_passes_through_the_change() -> None:
    """One move of G by hand: the gradient in the fakes is the change's transpose of the critic's."""
    game = made("ada:p=1")
    D, fake = game.net("D"), torch.rand(4, 1, 28, 28, generator=generator(0)).requires_grad_()
    D.eval()
    plain = torch.autograd.grad(D(fake).sum(), fake)[0]
    D.train()
    D.lens.generator = generator(5)
    through = torch.autograd.grad(D(fake).sum(), fake)[0]
    assert float(through.norm()) > 0 and not torch.allclose(plain, through)


def test_instance_noise_is_annealed_over_its_share() -> None:
    game, sigmas = made("instance-noise:sigma=0.2:share=0.5"), []
    sigmas.append(float(game.net("D").lens.sigma))
    for _ in play(game, Noise(SPEC), 8 * 4, seed=0):
        sigmas.append(float(game.net("D").lens.sigma))
    assert sigmas == pytest.approx([0.2, 0.15, 0.1, 0.05, 0, 0, 0, 0, 0], abs=1e-7)


def test_ada_raises_p_while_the_critic_is_sure() -> None:
    game = made("ada:speed=40:target=0.6", lr=1e-12)
    with torch.no_grad():
        game.net("D").last.bias += 100.0  # every logit is positive: E sign D(x) = 1
    found = [float(game.net("D").lens.p) for _ in play(game, Noise(SPEC), 5 * 4, seed=0)]
    assert found == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    with torch.no_grad():
        game.net("D").last.bias -= 200.0
    found = [float(game.net("D").lens.p) for _ in play(game, Noise(SPEC), 7 * 4, seed=0)]
    assert found == pytest.approx([0.4, 0.3])


@pytest.mark.parametrize("name", ["diffaug", "ada"])
def test_the_joint_gradient_behind_a_change_is_that_of_double_backward(name: str) -> None:
    """R1 of D after T, and the loss, by one joint pass and by autograd, at the same draws."""
    from mintage.augment import AdaptiveAugment, DiffAugment

    torch.manual_seed(0)
    D = ResidualDiscriminator((3, 12, 12), size="XS").double()
    lens = DiffAugment() if name == "diffaug" else AdaptiveAugment(0.9)
    see_through(D, lens)
    x = torch.rand(6, 3, 12, 12, dtype=torch.float64) * 2 - 1
    per_example(D)
    found = []
    for way in ("joined", "autograd"):
        lens.generator = generator("same")
        if way == "joined":
            logits, slopes = logits_and_slopes(D, x)
        else:
            logits = D(x)
            lens.generator = generator("same")
            slopes = autograd(D, x)
        loss = torch.nn.functional.softplus(-logits).mean() + 3 * slopes.mean()
        found.append((loss, torch.autograd.grad(loss, list(D.parameters()))))
    assert torch.allclose(found[0][0], found[1][0], rtol=1e-5)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-6 * float(other.norm() + 1e-9))
    piecewise_linear(D, x)


# -- networks ---------------------------------------------------------------------------------------------------------


def test_networks_have_the_layers_that_were_asked_for() -> None:
    def kinds(wanted: str, net: str) -> set[type]:
        return {type(module) for module in made(wanted).net(net).modules()}

    assert ReferenceNorm in kinds("virtual-batch-norm", "G") - kinds("virtual-batch-norm", "D")
    assert ReferenceNorm in kinds("reference-batch-norm:of=both", "D")
    assert PackedLayer in kinds("packing:m=4", "D") and SpectralNorm in kinds("spectral-norm", "D")
    assert SpectralNorm not in kinds("spectral-norm", "G") and SpectralNorm in kinds("spectral-norm:of=G", "G")
    assert made("packing:m=4").net("D")(torch.zeros(8, 1, 28, 28)).shape == (2,)


def test_references_of_the_critic_are_the_first_examples_played() -> None:
    game = made("virtual-batch-norm:of=both:references=6")
    rounds(game, 3)
    first = Noise(SPEC)(0).x
    assert torch.equal(game.net("D").references.x, torch.cat([first, first[:2]]))


def test_samples_of_a_reference_norm_do_not_depend_on_their_neighbours() -> None:
    z = torch.randn(6, 100, generator=generator(1))
    for name in ("virtual-batch-norm", "reference-batch-norm"):
        game = made(name)
        rounds(game, 2)
        assert torch.allclose(game.generate(z)[:2], game.generate(z[:2]), atol=1e-5)
        assert game.mean_nets.G.references is not game.net("G").references


def test_a_batch_that_packs_do_not_divide() -> None:
    with pytest.raises(ValueError, match="4 examples cannot be packed by 3: let the batch be a multiple of 3"):
        rounds(made("packing:m=3"))


# -- the mechanism ----------------------------------------------------------------------------------------------------


def test_none_is_the_game_itself() -> None:
    game = dcgan(SPEC, size="XS")
    assert stabilise(game, SPEC, "") is game and stabilise(game, SPEC, {}) is game


def test_many_at_once_in_any_order() -> None:
    names = ["historical-averaging", "lecam", "consistency", "unrolled", "label-smoothing", "instance-noise", "diffaug",
             "minibatch-stddev", "minibatch-discrimination", "virtual-batch-norm", "two-rates", "spectral-norm"]
    one, other = made(",".join(names)), made(",".join(reversed(names)))
    assert all(not round.skipped for game in (one, other) for round in rounds(game))
    assert {name for name in one.tensors()} == {name for name in other.tensors()}
    assert all(torch.equal(tensor, other.tensors()[name]) for name, tensor in one.tensors().items())


def test_added_terms_are_compiled_and_layers_that_draw_are_not() -> None:
    found = compile_moves(made("label-smoothing"), Noise(SPEC), make=lambda graph, inputs: graph)
    assert [(move.player, move.reason) for move in found] == [("D", ""), ("G", "")]
    for move in compile_moves(made("diffaug"), Noise(SPEC), make=lambda graph, inputs: graph):
        assert "the layer D.lens draws" in move.reason


def test_a_second_helping_is_added_to_the_first() -> None:
    """What is stabilised already may be stabilised again: histories follow the networks, features stay those of D."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        game = made("historical-averaging,label-smoothing,minibatch-stddev")
        game = stabilise(game, SPEC, "packing,minibatch-discrimination,lecam,consistency,spectral-norm")
    assert isinstance(game, Game) and all(not round.skipped for round in rounds(game))


def test_averages_are_of_the_networks_as_they_are_now() -> None:
    game = made("equalised-rate")
    assert torch.equal(torch.cat([p.flatten() for p in game.mean_nets.G.parameters()]), weights(game, "G"))
    assert game.mean_nets.G is not game.net("G")


def test_what_is_asked_for_is_read_and_written() -> None:
    assert written(" diffaug:p=0.5:policy=colour+cutout , label-smoothing") == \
        "diffaug:p=0.5:policy=colour+cutout,label-smoothing"
    assert written({"label-smoothing": {}, "packing": {"m": 3}}) == "packing:m=3,label-smoothing" and written("") == ""
    for name in STABILISERS:
        line = ":".join([name, *(f"{key}={option.default}" for key, option in settings_of(name).items())])
        assert written(line) == line
        assert all(option.help for option in settings_of(name).values())


@pytest.mark.parametrize(("wanted", "said"), [
    ("diff-aug", "no stabiliser 'diff-aug'. Did you mean 'diffaug'"), ("label_smoothing", "mean 'label-smoothing'"),
    ("diffaug:q=1", "has no setting 'q'. It has: policy, p|has no setting 'q'. Did you mean"),
    ("diffaug:p=2", "p is 2.* between 0 and 1"), ("diffaug:p=much", "p is 'much'"),
    ("packing:m=0", "m is 0 .* between 1"), ("packing:m", "write packing:NAME=VALUE"),
    ("diffaug,diffaug", "asked for twice"),
    ("spectral-norm:of=H", "one of D, G, both"), ("diffaug:policy=color", "did you mean 'colour'"),
    ("spectral-norm,equalised-rate", "parametrised already"),
    ("packing,virtual-batch-norm:of=D", "references cannot be packed"),
])
def test_refusals(wanted: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        made(wanted)


def test_stages_are_refused() -> None:
    with pytest.raises(SettingError, match="played in stages"):
        stabilise(Stages(Stage(dcgan(SPEC, size="XS"))), SPEC, "diffaug")


def test_every_row_says_what_it_is() -> None:
    for name, row in STABILISERS.items():
        text = row.apply.__doc__ or ""
        assert "https://arxiv.org/abs/" in text and row.about and row.games and row.source, name
    assert len(STABILISERS) >= 19
