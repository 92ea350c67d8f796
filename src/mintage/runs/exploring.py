"""Exploring a trained generator: sheets and short films of its latent space, in the run's folder `explore/`.

Everything is a function of the generator and the seed. The folder is written whole, with an index.html that shows and
explains what is in it, and replaces the one that was there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from mintage import latent
from mintage.data import sheet
from mintage.runs import moving, product
from mintage.runs.durable import new_folder, write_into
from mintage.runs.explored_examples import arithmetic_page, inversion_page
from mintage.runs.folder import Run
from mintage.runs.latents import Latents
from mintage.runs.pages import Page
from mintage.runs.report import write_report

FOLDER = "explore"
ROWS, COLUMNS, CORNERS = 5, 10, 7
PSI = (0.0, 0.25, 0.5, 0.7, 0.85, 1.0)
REACH = 3.0  # deviations that a direction is followed to either side
STAGES = 5  # latents that a film passes
FRAMES = 12  # from one to the next


@dataclass(frozen=True)
class Wanted:
    """What a user asked to see besides what every generator shows."""

    seed: int = 0
    directions: int = 6
    invert: tuple[str, ...] = ()
    arithmetic: tuple[str, ...] = ()
    attributes: bool = True
    steps: int = 200


def explore(path: str | Path, wanted: Wanted, *, device: str = "cpu") -> list[str]:
    """Write the pages of the generator at `path`; one sentence about each.

    Raises:
        RunError: there is no generator, or none with a latent space of images; a file or name that is not there.
    """
    place = Path(path)
    space = Latents(product.load(place, device=device), place)
    pages = [page for make in every(space, wanted) for page in make()]
    with new_folder(place / FOLDER) as folder:
        for page in pages:
            for name, data in page.files.items():
                write_into(folder, name, data)
            if page.film:
                moving.write_mp4(page.film, folder / f"{page.name}.mp4")
        films = {p.stem for p in folder.glob("*.mp4")}
        write_into(folder, "index.html", index(place, space, wanted, pages, films).encode())
    if (place / "settings.json").exists():
        write_report(Run.open(place))  # which links it
    said = [f"{place / FOLDER / page.first}: {page.text}" for page in pages]
    if not films:
        said.append(f"films are GIF only: no writer of MP4 ({moving.WRITER}) is on this machine")
    return [*said, f"all of it: {place / FOLDER / 'index.html'}"]


def every(space: Latents, wanted: Wanted) -> Iterator[Callable[[], list[Page]]]:
    """The makers of pages that suit this generator, in order. What was asked for comes first: it may be refused."""
    if wanted.invert:
        yield lambda: [inversion_page(space, wanted.invert, wanted.steps, wanted.seed)]
    for number, sentence in enumerate(wanted.arithmetic, start=1):
        yield lambda sentence=sentence, number=number: [  # type: ignore[misc]
            arithmetic_page(space, sentence, number, wanted.steps, wanted.seed)]
    yield lambda: [interpolation(space, wanted.seed), grid(space, wanted.seed)]
    if space.normal:
        yield lambda: [truncation(space, wanted.seed)]
    if space.classes > 1:
        yield lambda: [classes(space, wanted.seed)]
    yield lambda: [directions(space, wanted.directions, wanted.seed)]
    if getattr(space.sampler.prior, "numbers", 0):
        yield lambda: [codes(space, wanted.seed)]
    if styled(space):
        yield lambda: [mixing(space, wanted.seed)]
    if wanted.attributes and len(space.names) > 1 and not space.classes and (space.place / "settings.json").exists():
        yield lambda: [attributes(space, wanted.seed)]


def styled(space: Latents) -> bool:
    """Whether G maps latents to styles before it makes images of them."""
    G = getattr(space.nets, "G", None)
    return hasattr(G, "mapping") and hasattr(G, "synthesis")


def interpolation(space: Latents, seed: int) -> Page:
    """Rows of walks between two latents, and a film that passes several and comes back."""
    ends = space.draw(2 * ROWS, "interpolation", seed).view(ROWS, 2, -1)
    z = torch.cat([latent.walk(a, b, COLUMNS, space.path) for a, b in ends])
    y = None if not space.classes else (torch.arange(ROWS, device=space.device) % space.classes).repeat_interleave(
        COLUMNS)
    stages = space.draw(STAGES * 9, "film", seed).view(STAGES, 9, -1)
    times = torch.arange(FRAMES, device=space.device) / FRAMES
    moved = torch.stack([space.path(stages[k], stages[(k + 1) % STAGES], t) for k in range(STAGES) for t in times])
    labels = space.evenly(9)
    frames = [space.make(part, labels) for part in moved]
    way = "along the sphere" if space.normal else "along straight lines"
    return Page("interpolation", f"from one random latent (left) to another (right), {way}; none was chosen",
                sheet(space.make(z, y), space.spec, columns=COLUMNS), film=_shown(frames, space, 3))


def grid(space: Latents, seed: int) -> Page:
    """A grid between four corners."""
    z = latent.corners_grid(space.draw(4, "corners", seed), CORNERS, CORNERS, space.path).flatten(0, 1)
    return Page("grid", "between the four latents in the corners",
                sheet(space.make(z, space.label(len(z))), space.spec, columns=CORNERS))


def truncation(space: Latents, seed: int) -> Page:
    """Columns of latents drawn nearer to the centre."""
    z, y = space.draw(6, "truncation", seed), space.evenly(6)
    if styled(space):
        G = space.nets.G
        with torch.no_grad():
            w = G.mapping(z) if y is None else G.mapping(z, y)
            x = torch.cat([G.synthesis(latent.truncate(w, psi, G.mapping.mean)).float().cpu() for psi in PSI])
        centre = "the mean style"
    else:
        x, centre = torch.cat([space.make(latent.truncate(z, psi), y) for psi in PSI]), "the origin"
    rows = x.view(len(PSI), 6, *x.shape[1:]).transpose(0, 1).flatten(0, 1)
    return Page("truncation", f"each row one latent, drawn from {centre} (left) to its own place (right): psi "
                + ", ".join(f"{psi:g}" for psi in PSI), sheet(rows, space.spec, columns=len(PSI)))


def classes(space: Latents, seed: int) -> Page:
    """From each class to the next at one latent, by weights of classes; plain classes where G takes no weights."""
    k = min(space.classes, 6)
    z, steps = space.draw(1, "classes", seed), torch.linspace(0, 1, 8, device=space.device)
    one = torch.eye(space.classes, device=space.device)
    weights = torch.cat([torch.lerp(one[a], one[(a + 1) % space.classes], steps[:, None]) for a in range(k)])
    try:
        x = space.make(z.expand(len(weights), -1), weights)
    except (RuntimeError, ValueError, IndexError, TypeError):
        z = space.draw(6, "classes", seed)
        y = torch.arange(space.classes, device=space.device).repeat(6)
        return Page("classes", "each row one latent, each column a class",
                    sheet(space.make(z.repeat_interleave(space.classes, 0), y), space.spec, columns=space.classes))
    return Page("classes", "one latent, each row from one class (left) to the next (right) by weights of both: "
                + ", ".join(space.names[:k] or map(str, range(k))), sheet(x, space.spec, columns=8))


def directions(space: Latents, k: int, seed: int) -> Page:
    """One row a direction, followed to both sides of a latent; a film of the strongest."""
    reach = torch.linspace(-REACH, REACH, 9, device=space.device)
    if styled(space):
        return _style_directions(space, k, seed, reach)
    found, how = space.directions(k, seed)
    z = space.draw(1, "directions", seed)
    moved = (z + reach[None, :, None] * found.along[:, None].to(z)).flatten(0, 1)
    several, labels = space.draw(9, "directions", seed), space.evenly(9)
    swing = REACH * torch.sin(torch.arange(24, device=space.device) / 24 * 2 * torch.pi)
    frames = [space.make(several + t * found.along[0].to(z), labels) for t in swing]
    return Page("directions", f"each row a direction, strongest first, {how}; from -{REACH:g} to {REACH:g} deviations",
                sheet(space.make(moved, space.label(len(moved))), space.spec, columns=len(reach)),
                film=_shown(frames, space, 3))


def _style_directions(space: Latents, k: int, seed: int, reach: Tensor) -> Page:
    G = space.nets.G
    with torch.no_grad():
        z = space.draw(2000, "styles", seed)
        w = torch.cat([G.mapping(part, space.label(len(part))) for part in z.split(500)])
        found = latent.of_spread(w, min(k, w.shape[1]))
        steps = (found.strength[:, None] * found.along)[:, None] * reach[None, :, None]
        moved = (latent.truncate(w[:1], 0.7, G.mapping.mean) + steps.to(w)).flatten(0, 1)
        x = torch.cat([G.synthesis(part).float().cpu() for part in moved.split(64)])
    return Page("directions", f"each row a principal component of the styles, strongest first; from -{REACH:g} to "
                f"{REACH:g} deviations", sheet(x, space.spec, columns=len(reach)))


def codes(space: Latents, seed: int) -> Page:
    """Each continuous code from end to end, over the categories."""
    prior = space.sampler.prior
    rows = min(getattr(prior, "categories", 0) or 5, 10)
    z = space.draw(1, "codes", seed).expand(rows, -1)
    if getattr(prior, "categories", 0):
        z = prior.chosen(z, category=list(range(rows)))  # type: ignore[attr-defined]
    ends = torch.linspace(-1.5, 1.5, 7, device=space.device)
    parts = [torch.cat([prior.chosen(row.expand(7, -1), number=n, values=ends)  # type: ignore[attr-defined]
                        for n in range(prior.numbers)]) for row in z]  # type: ignore[attr-defined]
    x = space.make(torch.cat(parts), space.label(7 * prior.numbers * rows))  # type: ignore[attr-defined]
    return Page("codes", "each row a category, and each continuous code from -1.5 to 1.5, one after the other",
                sheet(x, space.spec, columns=7 * prior.numbers))  # type: ignore[attr-defined]


def mixing(space: Latents, seed: int) -> Page:
    """Style mixing: coarse layers of the rows with fine layers of the columns."""
    G, rows, columns = space.nets.G, space.draw(4, "coarse", seed), space.draw(6, "fine", seed)
    cut = max(1, G.synthesis.layers // 2)
    mixed = latent.style_mixing(G, rows, columns, cut, y=space.label(1)).float().cpu()
    own = [latent.style_mixing(G, z, z[:1], G.synthesis.layers, y=space.label(1))[:, 0].float().cpu()
           for z in (rows, columns)]
    table = [torch.ones_like(own[1][:1]), own[1]]
    for left, row in zip(own[0], mixed, strict=True):
        table += [left[None], row]
    return Page("styles", f"the first {cut} of {G.synthesis.layers} layers take their style from the left, the others "
                "from the top", sheet(torch.cat(table), space.spec, columns=1 + len(columns)))


def attributes(space: Latents, seed: int) -> Page:
    """The direction of each class against all others."""
    z, y = space.labelled(seed)
    names = [k for k in range(len(space.names)) if 2 <= int((y == k).sum()) < len(y)][:8]
    start, steps = space.draw(1, "attributes", seed), torch.linspace(-1, 2, 7, device=space.device)
    rows = [start + steps[:, None] * latent.difference_of_means(z, (y == k).long()) for k in names]
    return Page("attributes", "each row one random latent, moved by -1 to 2 times the difference between the mean code "
                "of a class and that of all others: " + ", ".join(space.names[k] for k in names),
                sheet(space.make(torch.cat(rows)), space.spec, columns=len(steps)))


def _shown(frames: Sequence[Tensor], space: Latents, columns: int) -> list[Image.Image]:
    return [sheet(x, space.spec, columns=columns) for x in frames]


def index(place: Path, space: Latents, wanted: Wanted, pages: Sequence[Page], films: set[str]) -> str:
    """The page that shows all pages."""
    parts = [page.html(page.name in films) for page in pages]
    return ("<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
            f"<title>{escape(place.resolve().name)}: its latent space</title><style>body{{max-width:60em;margin:auto;"
            "padding:1em;font-family:sans-serif}img{image-rendering:pixelated;max-width:100%}</style>"
            f"<h1>{escape(place.resolve().name)}: its latent space</h1><p>System {escape(space.made.facts['system'])}, "
            f"seed {wanted.seed}. Nothing was chosen by eye.</p>{''.join(parts)}</html>\n")
