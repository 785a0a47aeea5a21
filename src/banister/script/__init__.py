"""Text → statements, a dialect each; directives; checksums. Pure: no I/O."""
