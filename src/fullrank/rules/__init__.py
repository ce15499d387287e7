"""Rules at ranking time: what may be in a list, and how it is filled."""

from fullrank.rules.description import Rules
from fullrank.rules.per_user import UserItems

__all__ = ["Rules", "UserItems"]
