"""The table of the page with both splits of each data set, from the table of compare_splits."""

from pathlib import Path
from typing import Any

from workflow_scripts.report.compare_splits import FACTS, TWIN_FACTS
from workflow_scripts.report.numeric_tables import read_numbers

WHOLE = ("seeds", "collapsed", "test_rows")


def homology(path: Path) -> list[dict[str, Any]]:
    """The rows of the table with their ``run`` and whether the score ``falls`` on the twin beyond its interval."""
    integers = [name for name in (*FACTS, *TWIN_FACTS) if name.endswith(WHOLE)]
    decimals = [name for name in (*FACTS, *TWIN_FACTS) if name not in integers]
    rows = read_numbers(path, integers, [*decimals, "difference", "low", "high"])
    return [
        row | {"run": f"{row['model']}, {row['method']}", "falls": row["high"] is not None and row["high"] < 0}
        for row in rows
    ]
