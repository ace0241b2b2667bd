"""VQA logs: from a file's rows to examples. Nothing here opens a picture."""

from semclip.logs.checking import Limit, Need, Tally, check_rows, parse_limit
from semclip.logs.lines import parse_lines, parse_log, read_log
from semclip.logs.opening import FORMATS, Format, open_log
from semclip.logs.rows import BadLine, Example, LogId, reject, to_row
from semclip.logs.writing import open_lines, write_rejects

__all__ = [
    "FORMATS",
    "BadLine",
    "Example",
    "Format",
    "Limit",
    "LogId",
    "Need",
    "Tally",
    "check_rows",
    "open_lines",
    "open_log",
    "parse_limit",
    "parse_lines",
    "parse_log",
    "read_log",
    "reject",
    "to_row",
    "write_rejects",
]
