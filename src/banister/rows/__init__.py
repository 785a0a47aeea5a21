"""Generated rows, and what becomes of rows: pure, without a database. No I/O."""

from banister.rows.compare import compare_contents

__all__ = ["compare_contents"]
