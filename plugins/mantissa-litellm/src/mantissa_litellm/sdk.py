"""The one place that imports litellm: late, and without its telephone.

At import it would fetch a price list, read ``.env`` of the current folder and put a handler on standard error.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def no_shared_clients() -> Iterator[None]:
    """For a stream: litellm shares no client between it and other calls.

    A stream that broke off is collected as garbage some time later; where that happens while its client begins another
    call, the client takes its own lock a second time and hangs for ever.
    """
    library = litellm()
    library.in_memory_llm_clients_cache.flush_cache()
    try:
        yield
    finally:
        library.in_memory_llm_clients_cache.flush_cache()


def stream_client(seconds: float) -> Any:
    """A client of litellm's own kind for one stream, each of whose reads ends after so many seconds. Close it.

    litellm's own waits for Gemini's streams without end. It also says of every chunk of Gemini's that it is the last:
    ``ended`` is true once the vendor said how the answer ended.
    """
    litellm()
    handler: Any = importlib.import_module("litellm.llms.custom_httpx.http_handler").HTTPHandler

    class Client(handler):  # type: ignore[misc]  # the base is imported late, so it has no type
        ended = False
        _response: Any = None

        def close(self) -> None:
            if self._response is not None:
                self._response.close()
            super().close()

        def post(self, *arguments: Any, **more: Any) -> Any:
            response = self._response = super().post(*arguments, **more)
            lines = response.iter_lines

            def watched() -> Iterator[str]:
                for line in lines():
                    self.ended = self.ended or any(each in line for each in _ENDS)
                    yield line

            response.iter_lines = watched
            return response

    return Client(timeout=seconds)


_ENDS = ('"finishReason"', '"blockReason"')
