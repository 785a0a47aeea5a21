"""Files and history → findings and plans. Pure: no I/O, no clock."""
