"""Records of rows as text."""

from __future__ import annotations

from typing import Any


def table(records: list[dict[str, Any]]) -> str:
    """The records of rows, as one table in text.

    MB: the peak of resident memory, and (+MB) above what the process held before its side was built. GFLOP/s: the
    operations counted; share: of the machine's own rate; at most: the rate at the whole of it.
    """
    lines = [f"{'row':37s} {'side':32s} {'threads':>7s} {'rate':>9s}   {'spread':>13s} {'MB':>6s} {'+MB':>6s} "
             f"{'GFLOP/s':>8s} {'share':>5s} {'at most':>9s}"]
    for record in records:
        for name, side in record["sides"].items():
            spread = f"{min(side['each']):.0f}-{max(side['each']):.0f}"
            reached = (f"{side['gflops']:8.1f}" if "gflops" in side else f"{'-':>8s}") + (
                f" {side['share']:5.0%} {side['at_most']:9.1f}" if "share" in side else f" {'-':>5s} {'-':>9s}")
            lines.append(f"{record['row']:37s} {name:32s} {record['threads']:7d} {side['rate']:9.1f}   {spread:>13s} "
                         f"{side['peak_memory'] / 1e6:6.0f} {(side['peak_memory'] - side['memory_before']) / 1e6:6.0f} "
                         f"{reached}  {record['unit']}")
        for ratio in record["ratios"]:
            wanted = "" if ratio["wanted"] is None else f"wanted {ratio['wanted']:.2f}, " + (
                "held" if ratio["held"] else "MISSED")
            ceiling = "" if ratio["ceiling"] is None else f"levers allow {ratio['ceiling']:.2f}"
            roof = record["sides"][ratio["over"]].get("at_most")
            if roof:
                ceiling += f"  the machine's rate {roof / record['sides'][ratio['base']]['rate']:.1f}"
            lines.append(f"    {ratio['over']} / {ratio['base']}: {ratio['ratio']:.2f} "
                         f"({ratio['least']:.2f}-{ratio['most']:.2f})  {wanted}  {ceiling}".rstrip())
        if record["first_losses_differ_by"] is not None:
            lines.append(f"    the same game: first losses differ by {record['first_losses_differ_by']:.1e}")
    return "\n".join(lines)
