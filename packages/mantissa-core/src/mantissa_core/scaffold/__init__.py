"""``mantissa plugin new``: a package with a working plugin of any kind, its conformance tests and a README.

``templates/<kind>/`` holds the plugin ``acme.gadget`` as a real package; creating one is renaming it.
"""

from .create import create
from .kinds import KINDS

__all__ = ["KINDS", "create"]
