"""The tokenization section of the page: tables, charts and the paper's claims, from the study's tokenization.json."""

from typing import Any

import altair as alt

from workflow_scripts.report import paper
from workflow_scripts.report.figures import assign, inline_data

EDITS = ("substitution", "insertion", "deletion")


def content(study: dict[str, Any], paper_models: list[dict[str, Any]]) -> dict[str, Any]:
    """The study as the template needs it, with the groups of genomes and the paper's claims."""
    quoted = next(model["relative_flops_500bp"] for model in paper_models if model["model"] == paper.KMERS[-1])
    return study | {"claims": claims(study, quoted), "groups": sorted(study["sample"]["chunks_by_group"])}


def claims(study: dict[str, Any], dnabert_flops: str) -> list[dict[str, str]]:
    """The paper's claims about BPE with the study's numbers; empty if no BPE tokenizer was studied.

    ``dnabert_flops``: the FLOPs of DNABERT with 6-mers relative to DNABERT-2, as quoted in the paper.
    """
    if study["words"] is None:
        return []
    rows = {row["name"]: row for row in study["tokenizers"]}
    bpe, overlapping = rows[study["words"]["name"]], rows[study["reference"]]
    blocks = next(row for row in study["tokenizers"] if row["kind"] == "kmer")
    bases, name = study["sample"]["window_bases"], bpe["name"]
    fewer = overlapping["flops"]["total"] / bpe["flops"]["total"]
    plain = overlapping["flops_plain_mlp"]["total"] / bpe["flops"]["total"]

    def changed_shares(row: dict[str, Any]) -> str:
        edits = [row["changed"][edit]["share"] for edit in ("insertion", "deletion")]
        return f"{100 * edits[0]:.1f}% and {100 * edits[1]:.1f}% ({row['name']})"

    def leaked_share(row: dict[str, Any]) -> str:
        return f"{100 * row['given_away']['independent']['tokens']:.1f}% ({row['name']})"

    def in_runs(row: dict[str, Any]) -> str:
        found = row["given_away"]["contiguous"]
        shares = f"{100 * found['tokens']:.1f}% of tokens and {100 * found['bases']:.1f}% of their bases"
        return f"; masked in runs of k, as DNABERT does, {row['name']} leaks {shares}"

    found = [
        (
            "With BPE a sequence has about 5 times fewer tokens than bases.",
            f"{bpe['bases_per_token']:.2f} bases per token ({name})",
        ),
        (
            "BPE needs 3 to 4 times fewer FLOPs than overlapping 6-mers in the same model.",
            f"{fewer:.2f} times fewer at {bases} bases",
        ),
        (
            f"DNABERT with 6-mers needs {dnabert_flops} times the FLOPs of DNABERT-2 at 500 bases.",
            f"{plain:.2f} times at {bases} bases, counting DNABERT's plain feed-forward layer",
        ),
        (
            "Overlapping k-mers leak masked tokens, BPE does not.",
            f"leaked: {leaked_share(overlapping)}, {leaked_share(bpe)}" + in_runs(overlapping),
        ),
        (
            "One inserted or deleted base changes all following non-overlapping k-mers, but few BPE tokens.",
            f"changed by one insertion and one deletion: {changed_shares(blocks)}, {changed_shares(bpe)}",
        ),
    ]
    if len(study["sweep"]) > 1:
        first, last = study["sweep"][0], study["sweep"][-1]
        found.append(
            (
                "A larger vocabulary costs less: FLOPs decrease from 2^8 to 2^15 entries.",
                f"{first['flops']['total'] / last['flops']['total']:.2f} times fewer with {last['vocab_size']:,} "
                f"entries than with {first['vocab_size']:,}",
            )
        )
    return [{"paper": claim, "here": here} for claim, here in found]


def charts(study: dict[str, Any]) -> dict[str, alt.TopLevelMixin | None]:
    """The charts of the section, by name."""
    return {
        "tokenization_sizes": sizes_chart(study["sweep"]),
        "tokenization_lengths": lengths_chart(study["sweep"]),
        "tokenization_edits": edits_chart(study["tokenizers"]),
    }


def sizes_chart(sweep: list[dict[str, Any]]) -> alt.TopLevelMixin | None:
    """Bases per token, and FLOPs saved compared with overlapping 6-mers, by size of the BPE vocabulary."""
    if len(sweep) < 2:  # one point is not a curve
        return None
    names = ["bases per token", "times fewer FLOPs than overlapping 6-mers"]
    rows = [
        {"size": row["vocab_size"], "measure": name, "value": value}
        for row in sweep
        for name, value in zip(names, (row["bases_per_token"], 1 / row["relative_flops"]), strict=True)
    ]
    sizes = [row["vocab_size"] for row in sweep]
    axis = alt.Axis(format=",d", values=sizes)
    chart = alt.Chart(inline_data(rows)).mark_line(point={"size": 40, "filled": True}, strokeWidth=2)
    return chart.encode(
        alt.X("size:Q", title="Vocabulary entries", scale=alt.Scale(type="log", base=2, nice=False), axis=axis),
        alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
        alt.Color("measure:N", title=None, scale=alt.Scale(domain=names, range=assign(names))),
        tooltip=[alt.Tooltip("size:Q", format=",d"), "measure:N", alt.Tooltip("value:Q", format=".3f")],
    ).properties(width="container", height=260)


def lengths_chart(sweep: list[dict[str, Any]]) -> alt.TopLevelMixin | None:
    """Share of tokens by length in bases, one line for each size of the BPE vocabulary; without rare lengths."""
    if not sweep:
        return None
    names = [f"{row['vocab_size']:,}" for row in sweep]
    rows = [
        {"size": name, "length": int(length), "share": share}
        for name, row in zip(names, sweep, strict=True)
        for length, share in row["token_lengths"].items()
        if share >= 0.0005
    ]
    chart = alt.Chart(inline_data(rows)).mark_line(point={"size": 25, "filled": True}, strokeWidth=1.5)
    return chart.encode(
        alt.X("length:Q", title="Bases in a token"),
        alt.Y("share:Q", title="Share of tokens", axis=alt.Axis(format="%")),
        alt.Color("size:N", title=None, sort=names, scale=alt.Scale(domain=names, range=assign(names))),
        tooltip=["size:N", "length:Q", alt.Tooltip("share:Q", format=".2%")],
    ).properties(width="container", height=260)


def edits_chart(tokenizers: list[dict[str, Any]]) -> alt.TopLevelMixin:
    """Share of tokens that one substitution, insertion or deletion changes, by tokenizer."""
    names = [row["name"] for row in tokenizers]
    rows = [
        {"tokenizer": row["name"], "edit": edit, "share": row["changed"][edit]["share"]}
        for row in tokenizers
        for edit in EDITS
    ]
    thickness = max(14 * len(names), 30) + 8
    return (
        alt.Chart(inline_data(rows))
        .mark_bar()
        .encode(
            alt.X("share:Q", title="Tokens changed", axis=alt.Axis(format="%")),
            alt.Y("edit:N", title=None, sort=list(EDITS), scale=alt.Scale(paddingInner=0.25)),
            alt.YOffset("tokenizer:N", sort=names),
            alt.Color("tokenizer:N", title=None, scale=alt.Scale(domain=names, range=assign(names))),
            tooltip=["tokenizer:N", "edit:N", alt.Tooltip("share:Q", format=".2%")],
        )
        .properties(width="container", height=thickness * len(EDITS))
    )
