"""What the table of speed was to show, as findings for results/bench.json."""

from __future__ import annotations

from typing import Any

from mintage.lab.outcome import Finding, Table

START = 4.0  # seconds to the first round
NEAR = 0.9  # of the rate from memory, for a million examples in shards
FLAT = 100.0  # MB, by how much memory may grow while they are read
READING = (
    "With one thread rates are by CPU time, with two by the wall. Both sides of a row play the same game: their first "
    "losses are compared before they are timed. 'as shipped' is the peer's own loop, longhand; 'our allocator' is that "
    "loop unchanged under the allocator setting of mintage, so that nobody takes the allocator for our mathematics. "
    "Ratios are medians of pairs taken in turns. Shares are of this machine's own measured rate of convolutions or of "
    "matrix products in the same precision.")


def findings(written: dict[str, Any]) -> list[Finding]:
    """Each ratio, share and time that has a bound, from what `bench.py` wrote."""
    found = [Finding.at_least(f"{record['row']}, {record['threads']} thread(s): {ratio['over']} / {ratio['base']}",
                              ratio["wanted"], ratio["ratio"])
             for record in written["rows"] for ratio in record["ratios"] if ratio["wanted"] is not None]
    for one in written["roofline"]:
        found += [Finding.at_least(f"share of the machine's bf16 convolution rate, {one['threads']} thread(s), {name}",
                                   each["wanted"], each["share"])
                  for name, each in one["rounds"].items() if each["wanted"] is not None and name.endswith("bf16")]
    for one in written["startup"]:
        found.append(Finding.at_most(f"seconds from start to first round, {one['data']}, {one['threads']} thread(s)",
                                     START, one["seconds"]["first round"]["wall"]))
    for one in written["data"]:
        if one["examples"] >= 1_000_000:
            shards, name = one["places"]["shards"], f"{one['examples']:,} images in shards, {one['threads']} thread(s)"
            found += [Finding.at_least(f"{name}: rounds fed by them / by a batch in memory", NEAR,
                                       shards["round"]["ratio"]),
                      Finding.at_most(f"{name}: growth of memory, MB", FLAT, shards["grown"] / 1e6)]
    return found


def tables(written: dict[str, Any]) -> list[Table]:
    """The sides of every row, the ratios, the shares of the machine's rate, and the places of data."""
    sides = Table("Examples a second", ("row", "threads", "side", "rate", "least to most", "share of the machine",
                                        "memory, MB"),
                  [[record["row"], record["threads"], name, f"{side['rate']:,.1f}",
                    f"{min(side['each']):,.0f} to {max(side['each']):,.0f}",
                    f"{side['share']:.0%}" if "share" in side else "", f"{side['peak_memory'] / 1e6:.0f}"]
                   for record in written["rows"] for name, side in record["sides"].items()])
    ratios = Table("Ratios, paired", ("row", "threads", "ratio", "median", "least to most", "wanted"),
                   [[record["row"], record["threads"], f"{ratio['over']} / {ratio['base']}", f"{ratio['ratio']:.2f}",
                     f"{ratio['least']:.2f} to {ratio['most']:.2f}",
                     "" if ratio["wanted"] is None else f"{ratio['wanted']:.2f}"]
                    for record in written["rows"] for ratio in record["ratios"]])
    roof = Table("Training rounds beside the machine's own bf16 convolution rate",
                 ("round", "threads", "GFLOP/s", "share"),
                 [[name, one["threads"], f"{each['rate']:.0f}", f"{each['share']:.0%}"]
                  for one in written["roofline"] for name, each in one["rounds"].items()])
    data = Table("Batches of real examples", ("place", "examples", "threads", "images a second", "fed / bare rounds",
                                              "memory grown, MB"),
                 [[place, f"{one['examples']:,}", one["threads"], f"{each['rate']:,.0f}",
                   f"{each['round']['ratio']:.3f}", f"{each['grown'] / 1e6:.0f}"]
                  for one in written["data"] for place, each in one["places"].items()])
    return [table for table in (sides, ratios, roof, data) if table.rows]
