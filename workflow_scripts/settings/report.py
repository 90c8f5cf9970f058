"""Section ``report``: the tables and the page."""

from workflow_scripts.settings.fields import Plain, Section, key


class Report(Section):
    """The tables and the page."""

    title: Plain = key("DNABERT-2 reproduced", min_length=1)
    notice: Plain = key("")
    missing_fits: bool = key(False)
    paper_results: Plain = key("config/paper_results.tsv", min_length=1)
    paper_models: Plain = key("config/paper_models.tsv", min_length=1)
