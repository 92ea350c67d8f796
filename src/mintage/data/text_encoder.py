"""A text encoder: sentences as vectors c of unit length, fitted once on the captions of the data and then frozen.

    f(t)_b = sum over the parts p of t with h(p) = b of +-w(p),     c = P^T (idf * f) / |P^T (idf * f)|

The parts of a text are its words, its neighbouring pairs of words, and the strings of 3 to 5 characters of each word,
hashed with signs into 8,192 buckets. idf_b = 1 + ln((1 + N) / (1 + df_b)), and 0 where no caption has a part there.
P = [V, (I - V V^T) R]: V holds the leading right singular vectors of the captions' matrix idf * f, found by subspace
iteration, and R, normal numbers, keeps of what is left over, the rare words, its lengths and angles in the mean.

It can: tell captions apart by the words and parts of words they share, and place an unseen mixture of known words, or a
known word misspelt, near what it is made of. It cannot: know that two different words mean the same, follow grammar, or
say anything of words no part of which was in a caption: a text of such alone is the zero vector.

References:
    Indexing by Latent Semantic Analysis, Deerwester and others, 1990.
    Feature hashing for large scale multitask learning, Weinberger and others, 2009, https://arxiv.org/abs/0902.2206
    Enriching word vectors with subword information, Bojanowski and others, 2016, https://arxiv.org/abs/1607.04606
    Database-friendly random projections, Achlioptas, 2003.
    Finding structure with randomness, Halko and others, 2009, https://arxiv.org/abs/0909.4061
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor

from mintage.data.errors import DataError
from mintage.data.stores import DIGEST, Points, digest

BUCKETS = 8192
DIMENSIONS = 256
SPARE = 32  # vectors more than wanted, for the iteration to settle
ITERATIONS = 4
REST = 3  # one part in so many of the dimensions is for what V leaves over
MOST_FITTED = 4096  # captions by which P is found; idf is of all
CHUNK = 1024
PAIRS, STRINGS = 0.3, 0.5  # weights beside that of a word, 1
WORD = re.compile(r"\w+")


class TextEncoder:
    """Sentences as vectors float32 [n, d]. `idf` is [8192] and `projection` P [8192, d]."""

    def __init__(self, idf: Tensor, projection: Tensor) -> None:
        if idf.shape != (BUCKETS,) or projection.ndim != 2 or len(projection) != BUCKETS:
            raise DataError(f"a text encoder has idf [{BUCKETS}] and a projection [{BUCKETS}, d], received "
                            f"{list(idf.shape)} and {list(projection.shape)}")
        self.idf, self.projection = idf.float(), projection.half()
        self.dimensions = int(projection.shape[1])

    @classmethod
    def fit(cls, texts: Sequence[str], dimensions: int = DIMENSIONS) -> TextEncoder:
        """The encoder of these captions: the same for the same captions, whatever their order.

        Raises:
            DataError: no caption has a letter or digit.
        """
        distinct = sorted({normal(text) for text in texts} - {""})
        if not distinct:
            raise DataError("no caption has a letter or digit in it; give captions in words")
        seen: Counter[int] = Counter()
        for text in distinct:
            seen.update({bucket for bucket, _ in _parts(text)})
        count = torch.zeros(BUCKETS)
        count[list(seen)] = torch.tensor(list(seen.values()), dtype=torch.float32)
        idf = (1 + torch.log((1 + len(distinct)) / (1 + count))) * (count > 0)
        rows = distinct[::-(-len(distinct) // MOST_FITTED)]
        matrix = torch.cat([_weighted(rows[k:k + CHUNK], idf) for k in range(0, len(rows), CHUNK)])
        leading = _leading(matrix, dimensions - dimensions // REST)
        rest = torch.randn(BUCKETS, dimensions // REST, generator=torch.Generator().manual_seed(1))
        rest = (rest - leading @ (leading.T @ rest)) / max(rest.shape[1], 1) ** 0.5
        return cls(idf, torch.cat([leading, rest], 1))

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """[n, d], each of length 1, or 0 where nothing of the text is known."""
        projection = self.projection.float()
        made = [_weighted([normal(text) for text in texts[k:k + CHUNK]], self.idf) @ projection
                for k in range(0, len(texts), CHUNK)]
        c = torch.cat(made) if made else torch.empty(0, self.dimensions)
        length = c.norm(dim=1, keepdim=True)
        return torch.where(length > 1e-3, c / length.clamp_min(1e-3), torch.zeros(()))

    def arrays(self) -> dict[str, Tensor]:
        """Plain arrays, for a file; `TextEncoder(**arrays)` is this encoder again."""
        return {"idf": self.idf, "projection": self.projection}

    @property
    def name(self) -> str:
        """What it is and a hash of what it holds."""
        content = blake2b(self.idf.numpy().tobytes(), digest_size=6).hexdigest()
        return f"ngrams-{self.dimensions}-{content}"


class Texts(Points):
    """Captions held as vectors c, float32 [N, d], with their words and the encoder that made them."""

    def __init__(self, texts: Sequence[str], encoder: TextEncoder, x: Tensor | None = None) -> None:
        super().__init__(encoder(texts) if x is None else x)
        self.texts, self.encoder = list(texts), encoder

    def take(self, indices: Tensor) -> Texts:
        """These captions only."""
        return Texts([self.texts[i] for i in indices.tolist()], self.encoder, super().take(indices).x)

    def to(self, device: torch.device) -> Texts:
        """The same on another device."""
        return self if self.x.device == device else Texts(self.texts, self.encoder, self.x.to(device))


def digests_of_texts(texts: Sequence[str]) -> np.ndarray:
    """Content hashes [N, 16] of captions: of their words, since the last bits of a vector are the machine's."""
    return np.frombuffer(b"".join(digest(text.encode("utf-8", "surrogatepass")) for text in texts),
                         dtype=np.uint8).reshape(-1, DIGEST)


def normal(text: str) -> str:
    """A text as its words in lower case, with a space between them."""
    return " ".join(WORD.findall(unicodedata.normalize("NFKC", text).lower()))


def _parts(text: str) -> Iterator[tuple[int, float]]:
    """(bucket, signed weight) of every part of a normal text."""
    words = text.split()
    for word in words:
        yield from _of_word(word)
    for one, two in zip(words, words[1:], strict=False):
        yield _hashed(f"2 {one} {two}", PAIRS)


@lru_cache(maxsize=2**16)
def _of_word(word: str) -> tuple[tuple[int, float], ...]:
    edged = f"<{word}>"
    strings = [edged[k:k + n] for n in (3, 4, 5) for k in range(len(edged) - n + 1)]
    weight = STRINGS / max(len(strings), 1) ** 0.5
    return _hashed(f"1 {word}", 1.0), *[_hashed(f"s {string}", weight) for string in strings]


def _hashed(part: str, weight: float) -> tuple[int, float]:
    number = int.from_bytes(blake2b(part.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "little")
    return number % BUCKETS, weight if number >> 31 else -weight


def _weighted(texts: Sequence[str], idf: Tensor) -> Tensor:
    """idf * f of normal texts, each row of length 1: [n, 8192]."""
    dense = torch.zeros(len(texts), BUCKETS)
    for row, text in enumerate(texts):
        parts = list(_parts(text))
        if parts:
            buckets, weights = zip(*parts, strict=True)
            dense[row].index_add_(0, torch.tensor(buckets), torch.tensor(weights))
    dense *= idf
    return dense / dense.norm(dim=1, keepdim=True).clamp_min(1e-12)


def _leading(matrix: Tensor, d: int) -> Tensor:
    """The `d` leading right singular vectors of [n, 8192], by subspace iteration; zeros beyond the rank."""
    width = min(d + SPARE, *matrix.shape)
    space = torch.randn(BUCKETS, width, generator=torch.Generator().manual_seed(0))
    for _ in range(ITERATIONS):
        space = torch.linalg.qr(matrix.T @ (matrix @ space))[0]
    _, values, turned = torch.linalg.svd(matrix @ space, full_matrices=False)
    vectors = (space @ turned.T)[:, :d] * (values[:d] > 1e-4 * values[0])
    return torch.nn.functional.pad(vectors, (0, d - vectors.shape[1]))
