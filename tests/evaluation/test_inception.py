"""Inception on random weights: the graph against a longhand one, files in every format, and what is refused."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from mintage.evaluation.features import inception_weights
from mintage.evaluation.features.inception import inception, inception_features, seen_by_inception
from mintage.evaluation.features.inception_net import BLOCKS, Inception, NormedConv, graph_names
from mintage.evaluation.features.inception_weights import KNOWN, Known, fetch_inception, from_graph, read_inception

FIELDS = ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def shapes():
    with torch.device("meta"):
        return {name: tuple(weight.shape) for name, weight in Inception().state_dict().items()}


@pytest.fixture(scope="module")
def weights():
    """Random weights under torch-fidelity's names, of sizes that keep activations near 1."""
    g, made = torch.Generator().manual_seed(7), {}
    for name, shape in shapes().items():
        if name.endswith("num_batches_tracked"):
            continue
        noise = torch.randn(shape, generator=g)
        if name.endswith(("running_var", "bn.weight")):
            made[name] = 1 + 0.3 * noise.tanh()
        else:
            made[name] = noise * (2 / noise[0].numel()) ** 0.5 if name.endswith("conv.weight") else noise * 0.1
    return made


@pytest.fixture(scope="module")
def pth(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(weights, path)
    yield path
    path.unlink()  # 95 MB


@pytest.fixture(scope="module")
def extractor(pth):
    return inception_features(pth, trust=sha256(pth))


@pytest.fixture(scope="module")
def picture():
    return torch.randint(0, 256, (2, 3, 40, 32), generator=torch.Generator().manual_seed(1)) / 127.5 - 1


def test_the_size_of_the_network_is_the_published_one():
    with torch.device("meta"):
        net = Inception()
    assert sum(p.numel() for p in net.parameters()) == 23_850_960
    assert sum(isinstance(m, NormedConv) for m in net.modules()) == 94
    found = shapes()
    assert len([name for name in found if "num_batches" not in name]) == 94 * 5 + 2
    assert [block.width for block in net.children() if hasattr(block, "width")] == [
        256, 288, 288, 768, 768, 768, 768, 768, 1280, 2048, 2048]
    for name, shape in {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3), "Conv2d_4a_3x3.bn.running_var": (192,),
        "Mixed_5b.branch1x1.conv.weight": (64, 192, 1, 1), "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_5d.branch_pool.conv.weight": (64, 288, 1, 1), "Mixed_6a.branch3x3.conv.weight": (384, 288, 3, 3),
        "Mixed_6b.branch7x7_2.conv.weight": (128, 128, 1, 7), "Mixed_6e.branch7x7dbl_5.conv.weight": (192, 192, 1, 7),
        "Mixed_7a.branch7x7x3_3.conv.weight": (192, 192, 7, 1), "Mixed_7b.branch3x3_2b.conv.weight": (384, 384, 3, 1),
        "Mixed_7c.branch3x3dbl_3a.bn.weight": (384,), "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
        "fc.weight": (1008, 2048), "fc.bias": (1008,),
    }.items():
        assert found[name] == shape, name


class Longhand:
    """The graph once more, by TensorFlow's names, function by function, with every pool counted out."""

    def __init__(self, theirs):
        self.theirs = theirs

    def conv(self, h, name, stride=1, padding="SAME"):
        of = {field: self.theirs[f"layers.{name}.{field}"] for field in ("weight", "beta", "mean", "var")}
        k = of["weight"].shape[2:]
        h = F.conv2d(h, of["weight"], stride=stride, padding=(k[0] // 2, k[1] // 2) if padding == "SAME" else 0)
        normed = (h - of["mean"].view(-1, 1, 1)) / (of["var"].view(-1, 1, 1) + 0.001).sqrt()
        return (normed + of["beta"].view(-1, 1, 1)).clamp_min(0)

    @staticmethod
    def windows(h, value):
        """[9, N, C, H, W]: the 3 x 3 neighbours of each place, `value` outside."""
        padded = F.pad(h, (1, 1, 1, 1), value=value)
        return torch.stack([padded[..., i:i + h.shape[2], j:j + h.shape[3]] for i in range(3) for j in range(3)])

    def mean_pool(self, h):
        return self.windows(h, 0.0).sum(0) / self.windows(torch.ones_like(h), 0.0).sum(0)

    def max_pool(self, h):
        return self.windows(h, -torch.inf).amax(0)

    def halved(self, h):
        inner = self.max_pool(h)[..., 1:-1, 1:-1]
        return inner[..., ::2, ::2]

    def tower(self, h, name, count, last=None):
        for index in range(count):
            key = f"{name}.conv" + (f"_{index}" if index else "")
            h = self.conv(h, key, *(last if last and index == count - 1 else ()))
        return h

    def __call__(self, x):
        h = self.conv(x, "conv", 2, "VALID")
        h = self.conv(self.conv(h, "conv_1", 1, "VALID"), "conv_2")
        h = self.conv(self.conv(self.halved(h), "conv_3"), "conv_4", 1, "VALID")
        h = self.halved(h)
        for m in ("mixed", "mixed_1", "mixed_2"):
            h = torch.cat([self.conv(h, f"{m}.conv"), self.tower(h, f"{m}.tower", 2), self.tower(h, f"{m}.tower_1", 3),
                           self.conv(self.mean_pool(h), f"{m}.tower_2.conv")], 1)
        h = torch.cat([self.conv(h, "mixed_3.conv", 2, "VALID"),
                       self.tower(h, "mixed_3.tower", 3, (2, "VALID")), self.halved(h)], 1)
        for m in ("mixed_4", "mixed_5", "mixed_6", "mixed_7"):
            h = torch.cat([self.conv(h, f"{m}.conv"), self.tower(h, f"{m}.tower", 3), self.tower(h, f"{m}.tower_1", 5),
                           self.conv(self.mean_pool(h), f"{m}.tower_2.conv")], 1)
        h = torch.cat([self.tower(h, "mixed_8.tower", 2, (2, "VALID")),
                       self.tower(h, "mixed_8.tower_1", 4, (2, "VALID")), self.halved(h)], 1)
        for m, pool in (("mixed_9", self.mean_pool), ("mixed_10", self.max_pool)):
            a = self.conv(h, f"{m}.tower_conv")
            b = self.conv(self.conv(h, f"{m}.tower_1_conv"), f"{m}.tower_1_conv_1")
            h = torch.cat([self.conv(h, f"{m}.conv"),
                           self.conv(a, f"{m}.tower_mixed_conv"), self.conv(a, f"{m}.tower_mixed_conv_1"),
                           self.conv(b, f"{m}.tower_1_mixed_conv"), self.conv(b, f"{m}.tower_1_mixed_conv_1"),
                           self.conv(pool(h), f"{m}.tower_2_conv")], 1)
        f = h.mean((2, 3))
        return f, f @ self.theirs["output.weight"].T


@pytest.fixture(scope="module")
def theirs(weights):
    """The same numbers by the graph's names. The graph's norms have no scale."""
    made = {"output.weight": weights["fc.weight"], "output.bias": weights["fc.bias"]}
    for ours, name in graph_names().items():
        for field, key in (("weight", "conv.weight"), ("beta", "bn.bias"), ("mean", "bn.running_mean"),
                           ("var", "bn.running_var")):
            made[f"layers.{name}.{field}"] = weights[f"{ours}.{key}"]
    return made


def test_the_network_is_the_longhand_graph(theirs):
    x = torch.rand((2, 3, 111, 139), generator=torch.Generator().manual_seed(2)) * 2 - 1
    f, logits = Longhand(theirs)(x)
    with torch.no_grad():
        seen = inception(from_graph(theirs))(x)
    assert f.abs().max() > 0.1 and (f[0] - f[1]).abs().max() > 0.01
    assert (seen.features - f).abs().max() < 1e-4 * f.abs().max()
    assert seen.logits is not None and (seen.logits - logits).abs().max() < 1e-4 * logits.abs().max()


def test_graph_names_are_the_published_ones():
    names = graph_names()
    assert len(names) == len(set(names.values())) == 94
    for ours, name in {"Conv2d_1a_3x3": "conv", "Conv2d_4a_3x3": "conv_4", "Mixed_5b.branch1x1": "mixed.conv",
                       "Mixed_5b.branch5x5_2": "mixed.tower.conv_1", "Mixed_5c.branch_pool": "mixed_1.tower_2.conv",
                       "Mixed_6a.branch3x3dbl_3": "mixed_3.tower.conv_2",
                       "Mixed_7a.branch3x3_2": "mixed_8.tower.conv_1",
                       "Mixed_7a.branch7x7x3_4": "mixed_8.tower_1.conv_3",
                       "Mixed_7b.branch3x3_2b": "mixed_9.tower_mixed_conv_1",
                       "Mixed_7c.branch3x3dbl_3a": "mixed_10.tower_1_mixed_conv"}.items():
        assert names[ours] == name


@pytest.mark.parametrize("block", ["Mixed_5b", "Mixed_7b", "Mixed_7c"])
def test_a_corner_is_averaged_over_the_pixels_that_are_there(weights, block):
    net = inception(weights)
    seen = {}
    module = net.get_submodule(block)
    module.get_submodule("branch_pool").register_forward_pre_hook(lambda _, args: seen.update(pooled=args[0]))
    i = module.get_submodule("branch_pool").conv.in_channels
    h = torch.rand((1, i, 5, 5), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        module(h)
    corner = h[0, :, :2, :2].flatten(1)
    expected = corner.amax(1) if BLOCKS[block].pool == "maximum" else corner.mean(1)
    torch.testing.assert_close(seen["pooled"][0, :, 0, 0], expected)


def test_features_and_logits_without_bias(extractor, weights, picture):
    seen = extractor.see(picture)
    assert seen.features.shape == (2, 2048) and seen.logits.shape == (2, 1008)
    assert bool((seen.features >= 0).all()) and seen.features.std() > 0
    torch.testing.assert_close(seen.logits, seen.features @ weights["fc.weight"].T, rtol=1e-4, atol=1e-4)
    assert (extractor.name, extractor.version, extractor.classes) == ("inception-v3-tensorflow", "2015-12-05", 1008)


def test_rounding_comes_first_and_channels_become_rgb(extractor, picture):
    torch.testing.assert_close(extractor(picture + 0.001), extractor(picture), rtol=0, atol=0)
    grey = picture[:, :1]
    assert torch.equal(seen_by_inception(grey), seen_by_inception(grey.expand(-1, 3, -1, -1)))


def test_the_two_resizes_differ_and_are_named(pth, extractor, picture):
    clean = inception_features(pth, resize="clean", trust=sha256(pth))
    assert clean.name == "inception-v3-clean" and "clean-fid" in clean.preparation
    assert "TensorFlow 1" in extractor.preparation
    assert (clean(picture) - extractor(picture)).abs().max() > 1e-3
    same = torch.randint(0, 256, (1, 3, 299, 299), generator=torch.Generator().manual_seed(4)) / 127.5 - 1
    assert torch.equal(seen_by_inception(same, "clean"), seen_by_inception(same, "tensorflow"))
    with pytest.raises(ValueError, match="one of tensorflow, clean, received 'pil'"):
        inception_features(pth, resize="pil", trust=sha256(pth))


def test_clean_is_pillows_bicubic_without_rounding(picture):
    levels = ((picture[0] + 1) * 127.5).round()
    theirs = np.stack([np.asarray(Image.fromarray(c.numpy()).resize((299, 299), Image.Resampling.BICUBIC))
                       for c in levels])
    assert (seen_by_inception(picture, "clean")[0] * 128 + 128 - torch.from_numpy(theirs)).abs().max() < 1e-4


def test_every_format_gives_the_same_network(weights, extractor, tmp_path):
    counted = weights | {f"{name}.bn.num_batches_tracked": torch.tensor(5) for name in graph_names()}
    torch.save(counted, tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({name: nn.Parameter(w) for name, w in weights.items()}, tmp_path / "parameters.pth")
    safetensors.torch.save_file(weights, tmp_path / "weights.safetensors")
    for path in sorted(tmp_path.iterdir()):
        before = torch.random.get_rng_state()
        found = inception_features(path, trust=sha256(path).upper())
        assert torch.equal(torch.random.get_rng_state(), before)
        assert found.digest == sha256(path)
        loaded = read_inception(path, trust=sha256(path))[1]
        assert all(torch.equal(loaded[name], weight) for name, weight in weights.items()), path
        path.unlink()
    assert list(tmp_path.iterdir()) == []


def scripted(theirs, path):
    """A TorchScript archive with tensors under the given names, as NVIDIA's file has them."""
    root = nn.Module()
    for name, weight in theirs.items():
        *parts, field = name.split(".")
        module = root
        for part in parts:
            if not hasattr(module, part):
                module.add_module(part, nn.Module())
            module = getattr(module, part)
        module.register_buffer(field, weight)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers, self.output = root.layers, root.output

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(Whole()), path)


def test_torchscript_is_read_when_known_and_refused_on_trust(theirs, weights, tmp_path, monkeypatch):
    path = tmp_path / "inception-2015-12-05.pt"
    scripted(theirs, path)
    digest = sha256(path)
    with pytest.raises(ValueError, match="can run code .* not accepted on trust either"):
        read_inception(path, trust=digest)
    monkeypatch.setitem(KNOWN, digest, Known("torchscript", path.name, path.stat().st_size, "a test"))
    found_digest, found = read_inception(path)
    assert found_digest == digest
    assert torch.equal(found["Mixed_7c.branch3x3dbl_3b.conv.weight"], weights["Mixed_7c.branch3x3dbl_3b.conv.weight"])
    assert bool((found["Mixed_5b.branch1x1.bn.weight"] == 1).all())
    inception(found)
    path.unlink()


def test_an_unknown_file_is_refused_with_what_to_do(pth, tmp_path):
    with pytest.raises(ValueError) as caught:
        read_inception(pth)
    for part in (sha256(pth), "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
                 "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4", f'trust="{sha256(pth)}"'):
        assert part in str(caught.value)
    with pytest.raises(ValueError, match="Nothing was loaded"):
        read_inception(pth, trust="0" * 64)
    with pytest.raises(ValueError, match="cannot be read .* By hand: download https://github.com/toshas"):
        inception_features(tmp_path / "absent.pth")


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_runs_code_is_refused_even_on_trust(tmp_path, legacy):
    mark, path = tmp_path / "ran", tmp_path / "evil.pth"
    torch.save({"fc.weight": Evil(mark)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ValueError, match=r"evil.pth holds no table of named tensors: not a PyTorch file of plain"):
        read_inception(path, trust=sha256(path))
    assert not mark.exists()


@pytest.mark.parametrize(("name", "data"), [("a.pth", b""), ("a.pth", b"PK\x03\x04 cut"), ("a.safetensors", b"short"),
                                            ("a.pt", b"<html>not found</html>" * 9)])
def test_broken_files_are_refused(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ValueError, match="no table of named tensors"):
        read_inception(path, trust=sha256(path))


def test_other_tables_are_refused(weights, tmp_path):
    torch.save({"net": weights["fc.bias"], "epoch": 3}, tmp_path / "checkpoint.pth")
    with pytest.raises(ValueError, match="something else than a state dict"):
        read_inception(tmp_path / "checkpoint.pth", trust=sha256(tmp_path / "checkpoint.pth"))
    with pytest.raises(ValueError, match=r"size mismatch for fc.bias.*1000 classes"):
        inception(weights | {"fc.bias": torch.zeros(1000)})
    with pytest.raises(ValueError, match="Mixed_5b.branch1x1.bn.running_mean"):
        inception({name: w for name, w in weights.items() if name != "Mixed_5b.branch1x1.bn.running_mean"})
    with pytest.raises(ValueError, match="AuxLogits"):
        inception(weights | {"AuxLogits.fc.bias": torch.zeros(1000)})


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small file that stands for the real one, its URL, and an empty folder."""
    source = tmp_path / "source.pth"
    source.write_bytes(b"weights" * 1000)
    monkeypatch.setattr(inception_weights, "FETCHED", sha256(source))
    monkeypatch.setitem(KNOWN, sha256(source), Known("pth", "weights.pth", 7000, "a test"))
    return source, tmp_path / "folder"


def test_fetching_once(small):
    source, folder = small
    path = fetch_inception(folder, url=source.as_uri())
    assert path.read_bytes() == source.read_bytes() and list(folder.iterdir()) == [path]
    source.unlink()
    assert fetch_inception(folder, url=source.as_uri()) == path  # what is there is not fetched again
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="could not be fetched"):
        fetch_inception(folder, url=source.as_uri())


def test_fetching_the_wrong_bytes_keeps_nothing(small, tmp_path):
    _, folder = small
    for data in (b"short", b"long" * 4000):
        (tmp_path / "other").write_bytes(data)
        with pytest.raises(ValueError, match=r"expected .* nothing was kept. By hand"):
            fetch_inception(folder, url=(tmp_path / "other").as_uri())
        assert list(folder.iterdir()) == []


def test_fetching_without_a_network_says_what_to_do(tmp_path, monkeypatch):
    def absent(url, timeout):
        assert url == inception_weights.URL and timeout > 0
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", absent)
    with pytest.raises(ValueError, match=r"no network.* By hand: download https://github.com/toshas/torch-fidelity"):
        fetch_inception(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_real_file():
    named = os.environ.get("MINTAGE_INCEPTION")
    if not named:
        pytest.skip("no Inception file: set MINTAGE_INCEPTION to the path of torch-fidelity's .pth or NVIDIA's .pt")
    extractor = inception_features(named)
    noise = torch.rand((4, 3, 64, 64), generator=torch.Generator().manual_seed(0)) * 2 - 1
    seen = extractor.see(torch.cat([noise, torch.zeros(1, 3, 64, 64)]))
    assert bool(torch.isfinite(seen.features).all()) and bool((seen.features >= 0).all())
    assert 0.1 < float(seen.features.mean()) < 2 and seen.logits is not None
    assert float(seen.logits.softmax(1).amax()) < 1
