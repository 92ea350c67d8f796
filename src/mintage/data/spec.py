"""A spec: what kind of thing an example is, so that a system knows what to make and a writer how to write it.

Images have shape (C, H, W), held as float x in [-1, 1]. Points have shape (d,), held standardised: a point in its own
units is centre + scale * x, per dimension. An example may be made from something that is given beside it, c: another
image, or a sentence as a vector.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from mintage.data.errors import DataError, near

KINDS = ("image", "points")
GIVEN_KINDS = ("image", "text")


@dataclass(frozen=True)
class Given:
    """What an example x is made from, c: images (C, H, W) in [-1, 1], or sentences as vectors (d,) of an `encoder`.

    `paired`: c belongs to its x. Else the two are sets side by side, and nothing in one belongs to one in the other.

    Raises:
        DataError: an unknown kind, or a shape that is not of it.
    """

    kind: Literal["image", "text"]
    shape: tuple[int, ...]
    paired: bool = True
    encoder: str = ""

    def __post_init__(self) -> None:
        if self.kind not in GIVEN_KINDS:
            raise DataError(f"examples are not made from {self.kind!r}; allowed: {', '.join(GIVEN_KINDS)}"
                            f"{near(str(self.kind), GIVEN_KINDS)}")
        if len(self.shape) != (3 if self.kind == "image" else 1) or any(n < 1 for n in self.shape):
            raise DataError(f"the shape {self.shape!r} is not one of a given {self.kind}")

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them back."""
        return {"kind": self.kind, "shape": list(self.shape), "paired": self.paired, "encoder": self.encoder}

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> Given:
        """What `to_json` wrote."""
        return cls(d["kind"], tuple(d["shape"]), bool(d.get("paired", True)), str(d.get("encoder", "")))


@dataclass(frozen=True)
class DataSpec:
    """The kind and shape of an example, and the names of the classes.

    `labels[i]` is the name of class i; () where examples have no labels. `centre` and `scale` are for points only, one
    number a dimension; left out, they are 0 and 1. `given` is what examples are made from, if they are.

    Raises:
        DataError: an unknown kind, a shape or scale that cannot be, or two classes of one name.
    """

    kind: Literal["image", "points"]
    shape: tuple[int, ...]
    labels: tuple[str, ...] = ()
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    given: Given | None = field(default=None, kw_only=True)

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
        plain = {"kind": self.kind, "shape": list(self.shape), "labels": list(self.labels),
                 "centre": list(self.centre), "scale": list(self.scale)}
        return plain if self.given is None else {**plain, "given": self.given.to_json()}

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
                   centre=tuple(map(float, d.get("centre", ()))), scale=tuple(map(float, d.get("scale", ()))),
                   given=Given.from_json(d["given"]) if d.get("given") else None)
