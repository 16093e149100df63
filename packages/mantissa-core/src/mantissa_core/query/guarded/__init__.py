"""SQL that somebody else wrote (a model, a client of the API), made safe to run on any engine."""

from .readable import Readable, Window
from .statement import Guarded, guard

__all__ = ["Guarded", "Readable", "Window", "guard"]
