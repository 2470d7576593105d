"""Whether an index answers: what tells a proxy to ask this server."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread

from modag_search.errors import ModagError

if TYPE_CHECKING:
    from modag_search.index import Index

logger = logging.getLogger(__name__)

ANSWER_S = 5.0
"""How long an index may take to answer a probe, in seconds."""


class Readiness:
    """Tells whether an index answers; a disk that does not answer holds one thread, however often it is asked.

    Parameters
    ----------
    index : Index
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._looking: asyncio.Task[bool] | None = None
        self._said = ""

    async def is_ready(self) -> bool:
        """Look whether the index answers, in some seconds; the log says why not."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(to_thread.run_sync(self._answers, limiter=CapacityLimiter(1)))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asyncio.shield(self._looking)
        except TimeoutError:
            self._say(f"the index does not answer in {ANSWER_S:g} s")
            return False

    def _answers(self) -> bool:
        try:
            _ = self._index.catalog.moment, self._index.space
        except ModagError as error:
            self._say(str(error))
            return False
        self._said = ""
        return True

    def _say(self, words: str) -> None:
        """Say why, once for each reason: probes come every few seconds."""
        if words != self._said:
            logger.warning("not ready: %s", words)
        self._said = words
