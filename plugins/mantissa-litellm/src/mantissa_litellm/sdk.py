"""The one place that imports litellm: late, and without its telephone.

At import it would fetch a price list, read ``.env`` of the current folder and put a handler on standard error.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
from typing import Any

_QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # no price list over the network
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_MODE": "PRODUCTION",  # no .env of whatever folder this is
    "LITELLM_LOG": "ERROR",
}
_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "openai", "openai._base_client")
_lock = threading.Lock()


def litellm() -> Any:
    """The library; the first call takes some seconds."""
    with _lock:
        os.environ.update(_QUIET)
        library: Any = importlib.import_module("litellm")
        library.telemetry = False
        library.suppress_debug_info = True
        library.drop_params = True  # a vendor without a parameter is asked without it
        library.callbacks = []
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            logger.setLevel(logging.CRITICAL)  # they quote requests, keys included
            logger.handlers.clear()
        return library
