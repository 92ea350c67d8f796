"""MobileNetV2: does it know what is in a photograph, and do distances in its features mean something?"""

from __future__ import annotations

import io
import shutil
import zipfile

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from mintage.evaluation.features.extractors import quantised
from mintage.evaluation.features.mobilenet import MobileNet, SameConv, mobilenet_features, seen_by_mobilenet
from mintage.evaluation.measures.frechet import frechet_distance

FILE = "nets/mobilenet_v2_imagenet_dequant_fp16.safetensors"


@pytest.fixture(scope="module")
def weights(shared_data):
    path = shared_data / FILE
    if not path.is_file():
        pytest.skip(f"there is no {FILE} in the shared data")
    return path


def opened(archive, name):
    picture = np.array(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))
    return torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0) / 127.5 - 1


@pytest.fixture(scope="module")
def faces(shared_data):
    with zipfile.ZipFile(shared_data / "faces/lfw_3200_112px.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[::40]
        return torch.cat([opened(archive, name) for name in names])  # 80 pictures


@pytest.mark.parametrize(("size", "kernel", "stride"), [(8, 3, 2), (7, 3, 2), (8, 3, 1), (5, 1, 1), (5, 1, 2),
                                                        (9, 5, 3)])
def test_padding_is_tensorflows_same(size, kernel, stride):
    g = torch.Generator().manual_seed(0)
    x = torch.randn((1, 2, size, size + 1), generator=g)
    conv = SameConv(2, 3, kernel, stride)
    got = conv(x)
    out = (-(-size // stride), -(-(size + 1) // stride))
    assert got.shape[2:] == out
    expected = torch.zeros_like(got)
    before = [max((o - 1) * stride + kernel - n, 0) // 2 for o, n in zip(out, x.shape[2:], strict=True)]
    for i in range(out[0]):
        for j in range(out[1]):
            for a in range(kernel):
                for b in range(kernel):
                    p, q = i * stride + a - before[0], j * stride + b - before[1]
                    if 0 <= p < x.shape[2] and 0 <= q < x.shape[3]:
                        expected[0, :, i, j] += conv.weight[:, :, a, b] @ x[0, :, p, q]
    torch.testing.assert_close(got, expected + conv.bias.view(-1, 1, 1), rtol=1e-4, atol=1e-5)


def test_the_network_has_its_published_shape():
    with torch.device("meta"):
        net = MobileNet()
    assert sum(p.numel() for p in net.parameters()) == 3_489_097  # the known 3,504,872, norms folded in, one class more
    blocks = [net.get_submodule(f"block{index}") for index in range(17)]
    assert [index for index, block in enumerate(blocks) if block.adds] == [2, 4, 5, 7, 8, 9, 11, 12, 14, 15]
    assert [index for index, block in enumerate(blocks) if block.depthwise.stride == (2, 2)] == [1, 3, 6, 13]


@pytest.mark.parametrize(("name", "label"), [
    ("Set14/image_SRF_4/img_014_SRF_4_HR.png", "zebra"), ("Set5/image_SRF_4/img_002_SRF_4_HR.png", "toucan"),
    ("Set5/image_SRF_4/img_003_SRF_4_HR.png", "monarch"), ("Set14/image_SRF_4/img_012_SRF_4_HR.png", "bell pepper"),
    ("Set14/image_SRF_4/img_001_SRF_4_HR.png", "baboon")])
def test_it_knows_what_is_in_a_photograph(weights, shared_data, name, label):
    labels = (shared_data / "nets/imagenet_labels_1001.txt").read_text().splitlines()
    with zipfile.ZipFile(shared_data / "superres/set5_set14_x4.zip") as archive:
        x = opened(archive, name)
    logits = mobilenet_features(weights).see(x).logits
    assert labels[int(logits.argmax())].startswith(label)
    assert float(logits.softmax(1).max()) > 0.8


def test_the_extractor_says_what_it_is(weights):
    extractor = mobilenet_features(weights, 96)
    assert (extractor.name, extractor.dim, extractor.classes) == ("mobilenet-v2-96", 1280, 1001)
    assert extractor.digest == "075f3cee9dad0f5d573a2f2f821d276d7febbc8d84aa190949c41cd67bc14c30"
    assert "96x96" in extractor.preparation and "antialiased" in extractor.preparation
    assert extractor(torch.zeros(0, 3, 8, 8)).shape == (0, 1280)


def test_batches_and_floats_change_nothing(weights, faces):
    extractor, few = mobilenet_features(weights, 96), faces[:6]
    f = extractor(few)
    assert f.shape == (6, 1280) and f.std() > 0 and bool((f >= 0).all()) and float(f.max()) <= 6
    levels = ((few + 1) * 127.5).round().to(torch.uint8)
    torch.testing.assert_close(extractor(levels.float() / 127.5 - 1), f, rtol=0, atol=0)
    unrounded = few + (torch.rand(few.shape, generator=torch.Generator().manual_seed(0)) - 0.5) * 0.9 / 127.5
    torch.testing.assert_close(extractor(unrounded.clamp(-1, 1)), f, rtol=0, atol=0)
    torch.testing.assert_close(torch.cat([extractor(few[:1]), extractor(few[1:])]), f, rtol=1e-4, atol=1e-5)
    shown = seen_by_mobilenet(few[:, :1], 64)
    assert shown.shape == (6, 3, 64, 64) and torch.equal(shown[:, 0], shown[:, 2])
    assert -1 <= float(shown.min()) < float(shown.max()) < 1


def test_features_separate_faces_from_nuclei(weights, shared_data, faces):
    nuclei = np.load(shared_data / "paired/dsb2018_nuclei_256.npz")["photo"][::8][:40]
    cells = torch.from_numpy(nuclei).permute(0, 3, 1, 2) / 127.5 - 1
    extractor = mobilenet_features(weights, 96)
    f = F.normalize(torch.cat([extractor(faces[:40]), extractor(cells)]))
    near = torch.cdist(f, f).fill_diagonal_(torch.inf).argmin(1)
    same_kind = (torch.arange(80) < 40) == (near < 40)
    assert float(same_kind.float().mean()) == 1.0


def test_frechet_rises_with_blur_and_noise(weights, faces):
    extractor = mobilenet_features(weights, 96)

    def distance(other):
        return frechet_distance(extractor(faces), extractor(other))

    noise = torch.randn(faces.shape, generator=torch.Generator().manual_seed(0))
    blurred = [distance(F.avg_pool2d(faces, k, 1, k // 2, count_include_pad=False)) for k in (3, 5, 9)]
    noisy = [distance((faces + s * noise).clamp(-1, 1)) for s in (0.05, 0.2, 0.6)]
    assert abs(distance(quantised(faces))) < 1e-3
    for rising in (blurred, noisy):
        assert rising == sorted(rising) and rising[0] > 0 and rising[2] > 3 * rising[0], (blurred, noisy)


def test_what_is_refused(weights, tmp_path):
    with pytest.raises(ValueError, match="from 32 to 224, received 256"):
        mobilenet_features(weights, 256)
    with pytest.raises(ValueError, match="cannot be read"):
        mobilenet_features(tmp_path / "absent.safetensors")
    (tmp_path / "other").write_bytes(b"no table")
    with pytest.raises(ValueError, match=r"other does not hold the weights"):
        mobilenet_features(tmp_path / "other")
    shutil.copy(weights.parent / "cifar10_resnet20.safetensors", tmp_path)
    with pytest.raises(ValueError, match=r"(?s)does not hold the weights of this MobileNetV2: .*Missing key"):
        mobilenet_features(tmp_path / "cifar10_resnet20.safetensors")
