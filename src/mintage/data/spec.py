"""A spec: what kind of thing an example is, so that a system knows what to make and a writer how to write it.

Images have shape (C, H, W), held as float x in [-1, 1]. Points have shape (d,), held standardised: a point in its own
units is centre + scale * x, per dimension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from mintage.data.errors import DataError, near

KINDS = ("image", "points")


@dataclass(frozen=True)
class DataSpec:
    """The kind and shape of an example, and the names of the classes.

    `labels[i]` is the name of class i; () where examples have no labels. `centre` and `scale` are for points only, one
    number a dimension; left out, they are 0 and 1.

    Raises:
        DataError: an unknown kind, a shape or scale that cannot be, or two classes of one name.
    """

    kind: Literal["image", "points"]
    shape: tuple[int, ...]
    labels: tuple[str, ...] = ()
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check, and fill in what was left out."""
        if self.kind not in KINDS:
            raise DataError(f"data of kind {self.kind!r} are not known; allowed: {', '.join(KINDS)}"
                            f"{near(str(self.kind), KINDS)}")
        wanted = "(channels, height, width)" if self.kind == "image" else "(dimensions,)"
        sides = 3 if self.kind == "image" else 1
        if len(self.shape) != sides or any(not isinstance(n, int) or n < 1 for n in self.shape):
            raise DataError(f"the shape {self.shape!r} is not one of {self.kind} data; "
                            f"give {wanted} as whole numbers of 1 or more")
        if len(set(self.labels)) != len(self.labels):
            raise DataError(f"two classes have the same name in {self.labels!r}; give each its own")
        self._check_units()

    def _check_units(self) -> None:
        if self.kind == "image":
            if self.centre or self.scale:
                raise DataError("images have no centre and scale: they are held in [-1, 1]; leave both out")
            return
        d = self.shape[0]
        object.__setattr__(self, "centre", self.centre or (0.0,) * d)
        object.__setattr__(self, "scale", self.scale or (1.0,) * d)
        if len(self.centre) != d or len(self.scale) != d:
            raise DataError(f"points of {d} dimensions need {d} centres and {d} scales, "
                            f"received {len(self.centre)} and {len(self.scale)}")
        if not all(map(math.isfinite, (*self.centre, *self.scale))) or min(self.scale) <= 0:
            raise DataError(f"the centre {self.centre!r} must be finite and the scale {self.scale!r} positive")

    def to_json(self) -> dict[str, Any]:
        """Plain lists, numbers and strings; `from_json` reads them back exactly."""
        return {"kind": self.kind, "shape": list(self.shape), "labels": list(self.labels),
                "centre": list(self.centre), "scale": list(self.scale)}

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> DataSpec:
        """The spec that `to_json` wrote.

        Raises:
            DataError: an unknown or missing key, or values that cannot be.
        """
        known = tuple(cls.__dataclass_fields__)
        for key in d:
            if key not in known:
                raise DataError(f"a spec has no {key!r}; it has {', '.join(known)}{near(key, known)}")
        for key in ("kind", "shape"):
            if key not in d:
                raise DataError(f"a spec needs {key!r}; received only {sorted(d)}")
        return cls(kind=d["kind"], shape=tuple(d["shape"]), labels=tuple(d.get("labels", ())),
                   centre=tuple(map(float, d.get("centre", ()))), scale=tuple(map(float, d.get("scale", ()))))
