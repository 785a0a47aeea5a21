"""What is answered before anything large is imported; whatever is unusual, is not answered."""

from banister.quick.answer import nothing_to_do

__all__ = ["nothing_to_do"]
