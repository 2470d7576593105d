"""What requests ask with, made into what `Index.search` takes; a path of this machine is never among it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from modag_search.web.problems import ProblemError
from modag_search.web.uploads import Uploads

Term = Annotated[str, Field(max_length=1000, examples=["id:7", "label:dog", "a dog in the snow", "upload:ID"])]
Ids = Annotated[list[Annotated[int, Field(ge=1, le=2**62)]], Field(min_length=1, max_length=100_000)]
Label = Annotated[str, Field(max_length=255)]
UploadId = Annotated[str, Field(max_length=64)]
Seconds = Annotated[float | None, Field(allow_inf_nan=False)]

UPLOAD = "upload:"
_AS_THEY_ARE = ("id:", "label:", "text:")


def query_of(term: str, uploads: Uploads) -> str:
    """Turn a term into a query.

    Parameters
    ----------
    term : str
        ``id:N``, ``label:NAME``, ``upload:ID``, or words, with or without ``text:``.
    uploads : Uploads

    Returns
    -------
    str
        Never the path of a file that nobody sent: what is nothing else is words.

    Raises
    ------
    ProblemError
        If it is empty, or names a file that was not sent.
    """
    term = term.strip()
    if not term.removeprefix("text:").strip():
        raise ProblemError(400, "there is nothing to ask with", kind="empty-query")
    if term.startswith(UPLOAD):
        return uploads.get(term.removeprefix(UPLOAD)).path
    return term if term.startswith(_AS_THEY_ARE) else f"text:{term}"


def sent_among(terms: Iterable[str]) -> list[str]:
    """Return the ids of the files that were sent which terms name."""
    return [term.strip().removeprefix(UPLOAD) for term in terms if term.strip().startswith(UPLOAD)]
