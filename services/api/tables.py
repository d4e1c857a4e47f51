"""Rows as CSV, for spreadsheets, where they are wanted so rather than as JSON."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from projections.spreadsheets import cell
from services.api.answers import CSV, JSON
from services.api.asked import Asked, accepted


def json_or_csv(request: Asked, wanted: str) -> str:
    """The media type of the answer: as `format` said in words, else as `Accept` has it. Raises Problem."""
    if wanted:
        return CSV if wanted == "csv" else JSON
    return CSV if accepted(request, (JSON, "text/csv")) == "text/csv" else JSON


def as_csv(columns: Sequence[str], rows: Sequence[msgspec.Struct]) -> bytes:
    """The rows as CSV (RFC 4180). What a spreadsheet might take for a formula is made plain text by an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        fields: Mapping[str, Any] = msgspec.to_builtins(row)
        writer.writerow([cell(fields.get(column)) for column in columns])
    return text.getvalue().encode()
