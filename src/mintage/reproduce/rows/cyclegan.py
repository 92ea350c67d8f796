"""Pictures without pairs: faces of men and of women at 32 x 32, from the deep-funneled LFW, one picture a person.

References:
    Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al., 2017),
    https://arxiv.org/abs/1703.10593
"""

from __future__ import annotations

from mintage.lab.outcome import Finding, Outcome, Table
from mintage.reproduce.row import Arm, Found, Row
from mintage.reproduce.sides import Sides

FACES = "faces/lfw_3200_112px.zip"
EXAMPLES, CROSSED, CYCLE = 16_000, 0.7, 0.1
ARM = Arm("cyclegan", Sides(FACES, "gender.csv:gender", "male", "female", (32, 32), EXAMPLES,
                            {"size": "XS", "lr": 1e-3, "cycle": 5.0, "identity": 0.0, "residual": True}))


def read(found: Found) -> Outcome:
    """Labels that flip, and the way back."""
    names = ("crossed there", "crossed back", "cycle there", "cycle back", "change", "accuracy")
    values = {name: found.median(ARM.name, name) for name in names}
    rows: list[list[str | float]] = [[name, round(values[name], 3)] for name in names]
    return Outcome(
        [Finding.at_least("held-out men whom a classifier takes for women afterwards, share", CROSSED,
                          values["crossed there"]),
         Finding.at_least("held-out women whom it takes for men afterwards, share", CROSSED, values["crossed back"]),
         Finding.at_most("mean absolute error of both cycles, pixels in [0, 1]", CYCLE,
                         (values["cycle there"] + values["cycle back"]) / 4)],
        [Table(f"Faces at 32 x 32, {EXAMPLES:,} examples of either side; errors with pixels in [-1, 1]",
               ["figure", "value"], rows)], seeds=(0,),
        reading="The classifier was trained on the training pictures of both sides; its accuracy on those held out is "
                "in the table, and a flip means as much as it does. `change` is how far a translation is from what it "
                "was made of: without change a cycle would cost nothing. The sheet is in the run, translations.png.")


DECLARED = {"cyclegan": Row("cyclegan", "two sides are translated into one another without pairs", (ARM,), read,
                            seeds=(0,), covers=("cyclegan",))}
