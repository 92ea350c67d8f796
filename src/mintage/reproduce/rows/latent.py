"""Arithmetic of latents: men moved by (woman - man), faces given glasses, pieces of clothing turned into others.

Mean codes are of labelled samples: samples of the generator that a simple reader names, the surest half of each side
(faces), or real examples that an encoder gives codes of (clothes, glasses). What counts the result is another network
than what named the codes, and its accuracy on real examples stands beside it.

References:
    Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks (Radford et al., 2016),
    section 6.3.2. https://arxiv.org/abs/1511.06434
"""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from torch import Tensor

from mintage.data import open_data, sheet
from mintage.evaluation import small_image_features
from mintage.evaluation.probe import Probe, linear_probe
from mintage.game import generator
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.latent import mean_codes
from mintage.reproduce.faces import judges
from mintage.reproduce.figures import opened
from mintage.reproduce.row import Arm, Figures, Found, Row
from mintage.reproduce.training import Training
from mintage.runs import product
from mintage.runs.durable import write_file
from mintage.runs.film import png
from mintage.runs.folder import Run
from mintage.systems import autoencoder, vae

FACES, TABLE, SIDE = "faces/lfw_3200_112px.zip", "gender.csv:gender", 32
NAMED, MOVED, SHOWN = 4000, 1000, 10
STEPS = (0.0, 0.5, 1.0, 1.5, 2.0)
KNOWN, EACH = 10_000, 30


def gender(run: Run, seed: int) -> Figures:
    """The share of men that are called women once they were moved by steps of (woman - man); and a sheet of some."""
    made, source = product.load(run.path), run.settings.data.source
    prior = made.game.sampler.prior  # type: ignore[union-attr]
    judge = judges(run.path.parents[2], source, TABLE, SIDE)

    def make(z: Tensor) -> Tensor:
        return torch.cat([made.generate(part) for part in z.split(250)])

    z = prior(NAMED, generator("named", seed))
    male = judge.reader.scores(make(z))
    shift = difference(z, male[:, 1] - male[:, 0])
    fresh = prior(MOVED, generator("moved", seed))
    men = fresh[judge.score(make(fresh)) > 0]
    other = prior(1, generator("other", seed))
    other = other * shift.norm() / other.norm()
    found = {f"called women at {step:g}": share(judge.score(make(men + step * shift)) < 0) for step in STEPS[1:]}
    rows = torch.cat([make(men[:SHOWN] + step * shift) for step in STEPS])
    write_file(run.samples / "man-to-woman.png", png(sheet(rows, made.spec, columns=SHOWN)))
    return {"accuracy": judge.accuracy, "men": float(len(men)), "length": float(shift.norm()), **found,
            "called women at random": share(judge.score(make(men + other)) < 0)}


def difference(z: Tensor, male: Tensor) -> Tensor:
    """The mean code of the surest half of the women minus that of the men, by a score that is above 0 for men."""
    order = male.argsort()
    women, men = int((male < 0).sum()) // 2, int((male > 0).sum()) // 2
    if not women or not men:
        raise ValueError("the samples are all of one kind, so no difference can be found; train longer")
    return z[order[:women]].mean(0) - z[order[-men:]].mean(0)


def share(hits: Tensor) -> float:
    """How many of all."""
    return float(hits.double().mean())


def clothes(run: Run, seed: int) -> Figures:
    """The share of encoded test images that, moved by (another class - theirs), are called the other; and a sheet."""
    made, source = product.load(run.path), run.settings.data.source
    judge, accuracy = reader(source)
    labels, nets = run.settings.spec.labels, made.game.current.mean_nets
    train, test = opened(source, "train").gather(torch.arange(KNOWN)), opened(source, "test").gather(torch.arange(5000))
    seen, named = small_image_features(), torch.as_tensor(test.y)
    with torch.no_grad():
        means = mean_codes(torch.cat([vae.encode(nets, x) for x in train.x.split(250)]), labels,
                           torch.as_tensor(train.y))
        codes = [vae.encode(nets, test.x[named == k][:EACH]) for k in range(len(labels))]
        table = [[made.generate(codes[a] + means[B] - means[A]) for B in labels] for a, A in enumerate(labels)]
    hits = [share(judge.classes(seen(table[a][b])) == b) for a in range(len(labels)) for b in range(len(labels))
            if a != b]
    page = torch.cat([x[:1] for row in table for x in row])
    write_file(run.samples / "clothes.png", png(sheet(page, made.spec, columns=len(labels))))
    return {"accuracy": accuracy, "called the other": sum(hits) / len(hits)}


@functools.cache
def reader(source: str) -> tuple[Probe, float]:
    """A linear probe on the shipped features, and its accuracy on test images."""
    seen = small_image_features()
    known, test = (opened(source, split).gather(torch.arange(n)) for split, n in (("train", KNOWN), ("test", 2000)))
    probe = linear_probe(seen(known.x), torch.as_tensor(known.y), int(torch.as_tensor(known.y).max()) + 1)
    return probe, probe.accuracy(seen(test.x), torch.as_tensor(test.y))


def glasses(run: Run, seed: int) -> Figures:
    """People without glasses moved by (glasses - none) of all others; a sheet, and how often that is nearer to them.

    Rows of the sheet: the photo without, its reconstruction, the same moved, the photo with glasses.
    """
    s, made = run.settings, product.load(run.path)
    examples = open_data(s.data.source, resolution=s.data.resolution, channels=s.data.channels)
    if examples.names is None:
        raise ValueError("glasses are told by the names of files")
    parts = [Path(name).name.split(".") for name in examples.names.shown()]
    where = {(who, kind): k for k, (who, kind, *_) in enumerate(parts) if kind in ("glasses", "noglasses")}
    people = sorted({who for who, _ in where if {(who, "glasses"), (who, "noglasses")} <= set(where)})
    bare, worn = (examples.gather(torch.tensor([where[who, kind] for who in people])).x
                  for kind in ("noglasses", "glasses"))
    nets = made.game.current.mean_nets
    with torch.no_grad():
        z, with_glasses = autoencoder.encode(nets, bare), autoencoder.encode(nets, worn)
        others = ((with_glasses - z).sum(0) - (with_glasses - z)) / (len(people) - 1)
        plain, moved = made.generate(z), made.generate(z + others)
    nearer = (moved - worn).square().flatten(1).mean(1) < (plain - worn).square().flatten(1).mean(1)
    page = torch.cat([x[:SHOWN] for x in (bare, plain, moved, worn)])
    write_file(run.samples / "glasses.png", png(sheet(page, made.spec, columns=min(SHOWN, len(people)))))
    return {"people": float(len(people)), "nearer with glasses": share(nearer)}


MEN = Arm("faces", Training("r3gan", FACES, 250_000, (gender,), {"conditional": False, "size": "S"},
                            resolution=(SIDE, SIDE), judged=0))
CLOTHES = Arm("clothes", Training("vae", "fmnist", 300_000, (clothes,), judged=0))
YALE = Arm("glasses", Training("autoencoder", "faces/yalefaces.zip", 100_000, (glasses,), {"noise": 0.1}, batch=32,
                               resolution=(64, 64), judged=0))


def read(found: Found) -> Outcome:
    """Shares by step, and the judges' accuracy."""
    women = [(f"{step:g} times (woman - man)", found.median("faces", f"called women at {step:g}"))
             for step in STEPS[1:]]
    rows = [*women, ("a random direction, as long as one time", found.median("faces", "called women at random"))]
    return Outcome(
        [Finding.at_least("accuracy of the judge on real faces it has not seen", 0.9,
                          found.median("faces", "accuracy")),
         Finding.at_least("share of men moved by (woman - man) that are called women", 0.8,
                          found.median("faces", "called women at 1")),
         Finding.at_least("accuracy of the reader of clothes on test images", 0.85,
                          found.median("clothes", "accuracy")),
         Finding.at_least("share of clothes moved by (another - it) that are called the other, mean over pairs "
                          "(chance 0.1; pullovers, coats and shirts are often taken for one another)", 0.6,
                          found.median("clothes", "called the other")),
         Finding.at_least("share of people who are nearer to their photo with glasses once moved by others' glasses",
                          0.5, found.median("glasses", "nearer with glasses"))],
        [Table("Men called women, by how far they were moved", ["moved by", "called women"], rows)], seeds=[0],
        reading="Codes are named by a linear reader of pixels, results counted by a convolutional network. The sheets "
                "are in each run's samples: man-to-woman.png, clothes.png, glasses.png; none of what they show was "
                "chosen. Yale's 15 people are few, and glasses are shown on photos that the model has seen.")


DECLARED = {"latent-arithmetic": Row("latent-arithmetic", "sums of mean codes mean what the sums of their names mean",
                                     (MEN, CLOTHES, YALE), read, seeds=(0,), covers=("latent-arithmetic",))}
