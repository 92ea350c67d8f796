"""The first GAN: its likelihood as it was measured in 2014, and the film of its samples.

References:
    Generative Adversarial Nets (Goodfellow et al., 2014), table 1: 225 ± 2 nats on MNIST.
    https://arxiv.org/abs/1406.2661
"""

from __future__ import annotations

from mintage.lab.outcome import Finding, Outcome, Table
from mintage.reproduce.figures import FRAMES, film, parzen
from mintage.reproduce.row import Arm, Found, Row
from mintage.reproduce.training import Training

NATS = 215
GAN = Training("gan", "mnist", 1_200_000, (parzen,), {"width": 1000, "ema": 0.03}, batch=100, judgements=5)
ROUNDS, BATCH = 50_000, 32
FILM = Training("gan", "digits", ROUNDS * BATCH, (film,), {"width": 128, "z_dim": 32}, batch=BATCH, judged=0)


def read_gan(found: Found) -> Outcome:
    """The Parzen estimate against the paper's."""
    nats, seeds = found.each("gan", "nats"), sorted(found.cells.get("gan", {}))
    rows = [[seed, *(cell[what] for what in ("nats", "error of nats", "sigma"))]
            for seed, cell in sorted(found.cells.get("gan", {}).items()) if "nats" in cell]
    return Outcome(
        [Finding.at_least("Parzen log-likelihood of MNIST's test images, nats, median (paper: 225 ± 2)", NATS,
                          found.median("gan", "nats")),
         Finding.at_most(f"seeds of {len(seeds)} that diverged", 0, sum(found.each("gan", "diverged")))],
        [Table("The estimate, seed by seed", ["seed", "nats", "its error", "sigma"], rows)],
        reading="The paper's estimator: a Gaussian around each of 10,000 samples, sigma by cross-validation on "
                "held-out training images, 10,000 test images, pixels in [0, 1]. It ranks generators badly (see "
                "mintage.evaluation.measures.parzen); it is measured because the paper reports it. "
                + (f"Spread over seeds: {max(nats) - min(nats):.1f} nats." if len(nats) > 1 else ""),
        seeds=seeds)


def read_film(found: Found) -> Outcome:
    """Frames at the lectures' rounds, from fixed latents."""
    seeds = sorted(found.cells.get("film", {}))
    return Outcome(
        [Finding.at_least(f"frames at rounds {', '.join(f'{k:,}' for k in FRAMES)}, least of all seeds", len(FRAMES),
                          min(found.each("film", "wanted frames"), default=0.0)),
         Finding.at_least("the last frame equals the product's, latent by latent: share of seeds", 1.0,
                          sum(found.each("film", "same latents")) / max(1, len(seeds))),
         Finding.at_least("frames in all, median", 20, found.median("film", "frames"))],
        reading="Every run writes its film into samples/, from latents that are a function of the seed; the report "
                "shows it. The row is the small gan on 8 x 8 digits, for as many rounds as the lecture counts.",
        seeds=seeds)


DECLARED = {
    "gan": Row("gan", "the GAN of 2014 reaches its Parzen likelihood on MNIST", (Arm("gan", GAN),), read_gan,
               covers=("gan",)),
    "film": Row("film", "every run keeps samples of the same latents, from its first rounds to its last",
                (Arm("film", FILM),), read_film, seeds=(0,), covers=("film",)),
}
