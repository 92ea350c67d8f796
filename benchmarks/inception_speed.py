"""What the two ImageNet extractors cost, and whether ours equals torch-fidelity's where that can be imported.

Run (about a minute on one core):  python benchmarks/inception_speed.py [MOBILENET.safetensors]

It prints pictures a second for Inception (random weights: speed does not depend on them) and for MobileNetV2 at three
sides, then the greatest relative difference from torch-fidelity 0.4 on the same random weights, or why it was not run.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor, nn

from mintage.evaluation.features.extractors import Extractor
from mintage.evaluation.features.inception import inception_features
from mintage.evaluation.features.inception_net import Inception
from mintage.evaluation.features.mobilenet import mobilenet_features


def random_weights(path: Path) -> str:
    """Write a state dict with activations near 1 -> its digest."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Inception()
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            if isinstance(module, nn.BatchNorm2d):
                for tensor, centre in ((module.running_mean, 0.0), (module.running_var, 1.0), (module.weight, 1.0),
                                       (module.bias, 0.0)):
                    nn.init.uniform_(tensor, centre - 0.4, centre + 0.4)
    torch.save(net.state_dict(), path)
    return sha256(path.read_bytes()).hexdigest()


def rate(extractor: Extractor, x: Tensor) -> float:
    """Pictures a second of processor time, best of three after one run to warm up."""
    extractor(x)
    times = []
    for _ in range(3):
        start = time.process_time()
        extractor(x)
        times.append(time.process_time() - start)
    return len(x) / min(times)


def difference(extractor: Extractor, path: Path) -> str:
    """Greatest relative difference of features and logits from torch-fidelity's."""
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except (ImportError, RuntimeError, OSError) as error:
        return f"not run: {error}"
    theirs = FeatureExtractorInceptionV3("x", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path))
    pictures = torch.randint(0, 256, (4, 3, 64, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    seen = extractor.see(pictures / 127.5 - 1)
    with torch.no_grad():
        pairs = zip((seen.features, seen.logits), theirs(pictures), strict=True)
        return ", ".join(f"{float((a - b).abs().max() / b.abs().max()):.1e}" for a, b in pairs if a is not None)


def main() -> None:
    torch.set_num_threads(1)
    x = torch.rand((32, 3, 64, 64), generator=torch.Generator().manual_seed(1)) * 2 - 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.pth"
        digest = random_weights(path)
        for resize in ("tensorflow", "clean"):
            extractor = inception_features(path, resize=resize, trust=digest)
            print(f"{extractor.name}: {rate(extractor, x):.1f} pictures a second")
            if resize == "tensorflow":
                print(f"against torch-fidelity: {difference(extractor, path)}")
    for side in (96, 128, 224) if sys.argv[1:] else ():
        extractor = mobilenet_features(sys.argv[1], side)
        print(f"{extractor.name}: {rate(extractor, x):.0f} pictures a second")
    print(f"greatest memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
