"""Section ``report``: the tables and the page."""

from workflow_scripts.settings.fields import Plain, Section, key


class Report(Section):
    """The tables and the page."""

    title: Plain = key("DNABERT-2 reproduced", "Heading of the page.", min_length=1)
    notice: Plain = key("", "A line at the top of the page, for what a reader must know first.")
    missing_fits: bool = key(
        False,
        "true: report without the missing fits and list them, for a run in which some failed. false: wait for all, so "
        "that none is overlooked.",
    )
    paper_results: Plain = key(
        "config/paper_results.tsv", "The paper's results, which the report compares with.", min_length=1
    )
    paper_models: Plain = key(
        "config/paper_models.tsv", "The paper's models: their sizes, what they cost, and their averages.", min_length=1
    )
    reruns: Plain = key(
        "config/reruns.tsv", "Scores of GUE that others have measured, which the report compares with.", min_length=1
    )
