"""What share of answers Tesseract reads from the very pictures that a model with a tower of 336 px is given.

    python -m benchmarks.reading receipts/questions.jsonl --split dev --psi embedded --psi tiles --markdown

No model answers here: the question is what could be read at all. An answer counts as read where it can be read in one
of the pictures (semclip/mining/readers/matching.py). `overview` is the picture alone, `anyres` with the tiles that
LLaVA-NeXT cuts it into, NAME/K with the first K crops of that ψ. Tesseract sees each picture enlarged, all alike.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from benchmarks.reading.run import Config, read_answers
from benchmarks.reading.table import to_markdown, to_table
from benchmarks.reading.text import Enlarging, Remembering
from semclip.cli.terminal import progress_bar, say
from semclip.errors import SemclipError
from semclip.evaluation.answers.findings import Findings
from semclip.mining.readers.tesseract import Tesseract

PSI = ("embedded", "center", "random", "tiles", "oracle")
LAYOUT = 6
"""Of Tesseract: chosen on training questions as the best for overview and tiles (docs/results.md), as is ENLARGED."""
ENLARGED = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 where a question was rejected, or nothing could be measured."""
    options = parse(arguments)
    try:
        with nullcontext(options.cache) if options.cache else tempfile.TemporaryDirectory() as folder:
            text = Remembering(Enlarging(Tesseract(layout=options.layout), options.enlarged), Path(folder))
            with progress_bar("questions") as advance:
                findings = read_answers(options.log, text, config(options), advance)
    except SemclipError as error:
        say(str(error))
        return 1
    for one in findings.rejected:
        say(f"{one.id}: {one.reason}")
    sys.stdout.write(f"{written(findings, options)}\n")
    return int(bool(findings.rejected))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path, help="questions with answers and evidence, JSON lines")
    parser.add_argument("--split", help="only the questions of this split")
    parser.add_argument("--limit", type=positive, help="only the first questions")
    parser.add_argument("--psi", action="append", help=f"may be given several times; {', '.join(PSI)} unless given")
    parser.add_argument("-k", dest="ks", type=numbers, default=(1, 2, 4), help="numbers of crops, as 1,2,4")
    parser.add_argument("--against", action="append", help="what others are compared with; overview unless given")
    parser.add_argument("--layout", type=int, default=LAYOUT, help="Tesseract's page segmentation mode")
    parser.add_argument("--enlarged", type=positive, default=ENLARGED, help="how many times, for Tesseract")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was read")
    parser.add_argument("--workers", type=positive, default=1, help="images that are worked on at a time")
    parser.add_argument("--seed", type=int, default=0, help="of the ψ random and of the bootstrap")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print a Markdown table")
    return parser.parse_args(arguments)


def numbers(text: str) -> tuple[int, ...]:
    """Whole numbers that are separated by commas."""
    return tuple(int(part) for part in text.split(","))


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"at least 1 is needed, got {text}")
    return int(text)


def config(options: argparse.Namespace) -> Config:
    """What the options ask to measure."""
    return Config(
        psi=tuple(options.psi or PSI),
        ks=options.ks,
        against=tuple(options.against or ["overview"]),
        split=options.split,
        limit=options.limit,
        workers=options.workers,
        seed=options.seed,
    )


def written(findings: Findings, options: argparse.Namespace) -> str:
    """What was read, in the form that the options ask for."""
    if options.json:
        return json.dumps(findings.to_dict())
    if options.markdown:
        return to_markdown(findings)
    console = Console(width=None if sys.stdout.isatty() else 200)
    with console.capture() as captured:
        console.print(to_table(findings))
    return captured.get().rstrip()


if __name__ == "__main__":
    sys.exit(main())
