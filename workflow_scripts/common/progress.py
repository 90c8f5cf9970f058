"""Progress of long steps: a bar on a terminal, occasional plain lines in a log."""

import sys
import time

from tqdm import tqdm

INTERVAL = 10.0  # seconds between lines in a log


class Progress:
    """Counts units of work and shows how many are done, the rate, and the time left.

    ``with Progress(total, "chunk", "encoding") as progress: progress.step(n)``
    """

    def __init__(self, total: int | None, unit: str, label: str):
        self.total, self.unit, self.label = total, unit, label
        self.done, self.note = 0, ""
        self.started = self.printed = time.monotonic()
        self.bar: tqdm | None = None
        if sys.stderr.isatty():
            self.bar = tqdm(total=total, unit=f" {unit}", desc=label, unit_scale=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.bar is not None:
            self.bar.close()
        elif self.done:
            self._print()

    def step(self, count: int = 1, note: str = "") -> None:
        """Count ``count`` more units; ``note`` is shown after the figures (a loss, a name)."""
        self.done += count
        self.note = note
        if self.bar is not None:
            self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(count)
        elif time.monotonic() - self.printed >= INTERVAL:
            self._print()

    def _print(self) -> None:
        now = time.monotonic()
        rate = self.done / max(now - self.started, 1e-9)
        share, left = "", ""
        if self.total:
            share = f" of {self.total:,} ({100 * self.done / self.total:.0f}%)"
            left = f", {(self.total - self.done) / max(rate, 1e-9):,.0f} s left"
        note = f"; {self.note}" if self.note else ""
        print(
            f"{self.label}: {self.done:,}{share} {self.unit}s, {rate:,.1f}/s{left}{note}",
            file=sys.stderr,
            flush=True,
        )
        self.printed = now
