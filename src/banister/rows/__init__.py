"""Generated rows, and what becomes of rows: pure, without a database. No I/O."""

from banister.rows.choose import Alternatives, CannotFill, choose_rows
from banister.rows.compare import compare_contents
from banister.rows.shapes import (
    CheckShape,
    ColumnShape,
    ReferenceShape,
    TableShape,
    in_reference_order,
)
from banister.rows.texts import Named, named_in, numbers, texts

__all__ = [
    "Alternatives",
    "CannotFill",
    "CheckShape",
    "ColumnShape",
    "Named",
    "ReferenceShape",
    "TableShape",
    "choose_rows",
    "compare_contents",
    "in_reference_order",
    "named_in",
    "numbers",
    "texts",
]
