"""A large file is read in chunks: what is in memory of it, and what its reading finds."""

from pathlib import Path

from banister.model import Dialect, Direction, LargeSource
from banister.project.large_file import read_large_script
from banister.script import windows


def test_the_rows_of_a_copy_are_no_part_of_a_window(tmp_path: Path) -> None:
    file = tmp_path / "001_rows.up.sql"
    data = "".join(f"{number}\tnote; 'of {number}\n" for number in range(200_000))
    file.write_text(f"COPY t FROM stdin;\n{data}\\.\nSELECT 1;\n")
    script, _ = read_large_script(str(file), Direction.UP, shown="001_rows.up.sql")
    assert script is not None
    found = list(windows(script.source, Dialect.POSTGRESQL))
    assert max(len(window.text) for window in found) < 600_000
    (copy,), (select,) = (window.statements for window in found if window.statements)
    assert copy.copy_start is not None
    assert copy.copy_end is not None
    assert "".join(script.source.pieces(copy.copy_start, copy.copy_end)) == data
    assert select.text == "SELECT 1;"
    assert select.line == 200_003


def test_directives_stand_below_any_amount_of_comments(tmp_path: Path) -> None:
    file = tmp_path / "001_a.up.sql"
    file.write_text("-- why\n" * 30_000 + "-- banister: transaction=off\nSELECT 1;\n")
    script, findings = read_large_script(str(file), Direction.UP, shown="001_a.up.sql", chunk=8192)
    assert script is not None
    assert isinstance(script.source, LargeSource)
    assert script.directives.transaction is False
    assert findings == ()


def test_a_wide_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "001_a.up.sql"
    file.write_bytes(("SELECT 1;\n" * 200_000).encode("utf-16"))
    script, (finding,) = read_large_script(str(file), Direction.UP, shown="001_a.up.sql")
    assert script is None
    assert finding.code == "encoding"
    assert "UTF-16" in finding.message
