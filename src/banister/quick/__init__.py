"""What is answered before anything large is imported; whatever is unusual, is not answered."""

from banister.quick.answer import answer_at_once

__all__ = ["answer_at_once"]
