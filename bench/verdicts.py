"""What a row of a table ends with: met, or what stands in the way.

The profiles behind the reasons are in docs/performance.md and docs/verify.md.
"""


def verdict(*, met: bool, why: str) -> str:
    """Return whether a target is met; `why` says what the time goes into where it is not."""
    return "met" if met else f"not met: {why}"
