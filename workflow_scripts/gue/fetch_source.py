"""Fetch a primary file, or the archive of the published files.

In:  an ``https://``, ``http://`` or ``file://`` address, or a path relative to the working directory.
Out: the file, which appears complete or not at all, and a JSON record {url, bytes, md5, sha256}.
     An interrupted download leaves ``.{name}.part`` next to the file; with an md5 the next one continues it.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from workflow_scripts.common.downloads import fetch
from workflow_scripts.common.errors import program
from workflow_scripts.common.files import write_json


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="https://, http:// or file:// address, or a path")
    parser.add_argument("--out", required=True, type=Path, help="where the file goes")
    parser.add_argument("--md5", help="the expected md5; without it the content is taken as it comes")
    parser.add_argument("--record", type=Path, help="write url, bytes, md5 and sha256 to this JSON file")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    fetched = fetch(args.url, args.out, args.md5)
    if args.record:
        write_json(args.record, asdict(fetched))


if __name__ == "__main__":
    sys.exit(main())
