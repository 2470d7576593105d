"""Processes that decode media for this one; see `isolation`, and `child` for what they run.

They are started when they are first needed, decode one file at a time each, and are kept for the next. They know
nothing of an index, and end with this process, however that ends.
"""

from __future__ import annotations

import atexit
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modag_search import errors
from modag_search.errors import (
    CorruptMediaError,
    DecoderError,
    MediaError,
    OversizedMediaError,
    UnreadableMediaError,
)
from modag_search.media.allowance import DECODER_BYTES, DECODING_BYTES
from modag_search.media.channel import Channel, facts_of, segment_of
from modag_search.media.isolation import entered_isolation
from modag_search.media.waiting import Patience
from modag_search.values import DecodedSegment, MediaFacts, Uint8Array

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from modag_search.media.channel import Message
    from modag_search.media.isolation import Isolation
    from modag_search.media.request import DecodeRequest
    from modag_search.values import MediaKind

_Answer = DecodedSegment | MediaFacts | Uint8Array

_START_S: Final = 120.0
_STOP_S: Final = 2.0
_CRASHES: Final = frozenset(
    (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGSYS, signal.SIGTRAP)
)

_PROGRAM: Final = "import sys; sys.path[:] = sys.argv[2:]; from modag_search.media.child import main; main({lifeline})"
_ENVIRONMENT: Final = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    # What one picture took is kept for the next: to ask the system for it again takes a third of decoding.
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
}


def decoded_apart(request: DecodeRequest, *, kind: MediaKind) -> Generator[DecodedSegment, None, MediaFacts]:
    """Let another process decode a file.

    A decoder that crashes after it has decoded other files may do so because of those: it is tried again by one that
    is new, which gives the same segments, and what that does counts.

    Raises
    ------
    MediaError, UsageError
        As decoding here does; and CorruptMediaError, where the decoder crashes or does not come to an end;
        OversizedMediaError, where it wants more memory than it may take; UnreadableMediaError, where it is killed or
        there is no memory.
    DecoderError
        If no process can be started.
    """
    asked = {"is": "segments", "kind": kind, "request": asdict(request)}
    with closing(_answers(asked, request.path)) as answers:
        for answer in answers:
            if isinstance(answer, MediaFacts):
                return answer
            if isinstance(answer, DecodedSegment):
                yield answer
    raise AssertionError


def array_apart(name: str, path: str, **options: int) -> Uint8Array:
    """Let another process make something of a file; errors as of `decoded_apart`.

    Parameters
    ----------
    name : str
        Of a function of `child`.
    path : str
    **options : int
        What else it takes.

    Returns
    -------
    np.ndarray [uint8]
    """
    asked = {"is": "array", "of": name, "path": path, "options": options}
    with closing(_answers(asked, path)) as answers:
        for answer in answers:
            if isinstance(answer, np.ndarray):
                return answer
    raise AssertionError


def _answers(asked: Message, path: str) -> Generator[_Answer, None, None]:
    asked = {**asked, "folder": None if os.path.isabs(path) else os.getcwd()}
    n_given, anew = 0, False
    while True:
        patience = Patience.with_file(_size_of(path))
        with CHILDREN.lent(anew=anew) as child:
            is_last_try = anew or child.is_new
            try:
                with closing(child.answers(asked, path, patience)) as answers:
                    for answer in itertools.islice(answers, n_given, None):
                        n_given += 1
                        yield answer
            except _DiedError as death:
                if anew or not (death.has_left or (death.may_be_of_others and not is_last_try)):
                    raise death.error from None
                anew = True
            else:
                return


class _DiedError(Exception):
    """A process has not come to the end of a file.

    Parameters
    ----------
    error : MediaError
        What to say of the file.
    may_be_of_others : bool
        Whether a new process might.
    has_left : bool
        Whether it left before it heard of the file, as one does that has had nothing to do for long.
    """

    def __init__(self, error: MediaError, *, may_be_of_others: bool, has_left: bool = False) -> None:
        self.error = error
        self.may_be_of_others = may_be_of_others
        self.has_left = has_left
        super().__init__(error)


class _Child:
    """A process that decodes."""

    def __init__(self) -> None:
        # Each has a pipe that tells it that this process is gone: who is told is of the pipe, not of its descriptors.
        lifeline, self._lifeline = os.pipe()
        paths = [path for path in sys.path if isinstance(path, str)]
        program = [sys.executable, "-c", _PROGRAM.format(lifeline=lifeline), "modag decodes", *paths]
        try:
            self._process = subprocess.Popen(
                program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **_ENVIRONMENT},
                pass_fds=(lifeline,),
                bufsize=0,
                process_group=0,  # Ctrl-C is for this process, which sees to those
            )
        except OSError as error:
            os.close(self._lifeline)
            raise DecoderError(f"no process to decode in can be started: {error.strerror or error}") from error
        finally:
            os.close(lifeline)
        self._channel = Channel(_taken(self._process.stdout), _taken(self._process.stdin))
        self._is_ready = False
        self._is_busy = False
        self._has_answered = False
        self._n_files = 0
        self.isolation: Isolation | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_new(self) -> bool:
        """Whether it has decoded nothing yet."""
        return self._n_files == 0

    @property
    def is_of_use(self) -> bool:
        """Whether it lives, and waits for a file."""
        return not self._is_busy and self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Close what leads to it."""
        self._channel.close()
        os.close(self._lifeline)

    def answers(self, asked: Message, path: str, patience: Patience) -> Generator[_Answer, None, None]:
        """Let it decode a file; yield its segments, and in the end what is known of it; or what was made of it.

        Raises
        ------
        MediaError, UsageError
            What it says of the file.
        _DiedError
            It says nothing any more, or has no memory.
        """
        self._await_ready(path)
        self._n_files += 1
        self._is_busy, self._has_answered = True, False
        try:
            with patience.counted():
                self._channel.send(asked, within_s=patience.left_s)
            with closing(self._messages(patience)) as messages:
                for message, data in messages:
                    if message["is"] == "segment":
                        yield segment_of(message, data)
                        continue
                    self._is_busy = False
                    yield _outcome(message, data, path)
                    return
        except GeneratorExit:
            if self._is_busy:
                self._stop()
            raise
        except TimeoutError:
            self._process.kill()
            reason = f"does not decode: {patience.in_words()}, and its decoder was ended"
            raise _DiedError(CorruptMediaError(path, reason), may_be_of_others=False) from None
        except (EOFError, BrokenPipeError, KeyError, TypeError, ValueError, IndexError):
            raise self._death(path) from None

    def _messages(self, patience: Patience) -> Generator[tuple[Message, Uint8Array], None, None]:
        """Yield what it says, and lend it what it asks for of the memory for decoding."""
        held: list[tuple[int, ExitStack]] = []
        with ExitStack() as memory:
            while True:
                with patience.counted():
                    message, data = self._channel.receive(within_s=patience.left_s)
                self._has_answered = True
                match message["is"]:
                    case "take":
                        amount = _amount_of(message, held=sum(one for one, _ in held))
                        held.append((amount, memory.enter_context(ExitStack())))
                        held[-1][1].enter_context(DECODING_BYTES.take(amount))
                        with patience.counted():
                            self._channel.send({"is": "granted"}, within_s=patience.left_s)
                    case "give":
                        held.pop()[1].close()
                    case _:
                        patience.renew()
                        yield message, data

    def _await_ready(self, path: str) -> None:
        if self._is_ready:
            return
        try:
            self._channel.receive(within_s=_START_S)
        except TimeoutError:
            raise DecoderError(f"the process that decodes did not start within {_START_S:g} s") from None
        except EOFError:
            status = self._process.wait()
            if status < 0:
                raise self._death(path) from None
            raise DecoderError(f"the process that decodes does not start (exit status {status})") from None
        self._is_ready = True

    def _stop(self) -> None:
        """Let it leave a file of which nobody wants the rest; one that does not soon is given up."""
        by = time.monotonic() + _STOP_S
        with suppress(EOFError, OSError, KeyError, TypeError):
            self._channel.send({"is": "stop"}, within_s=_STOP_S)
            while time.monotonic() < by:
                message, _ = self._channel.receive(within_s=by - time.monotonic())
                if message["is"] not in ("segment", "take", "give"):
                    self._is_busy = False
                    return

    def _death(self, path: str) -> _DiedError:
        """Say how it died; what sends no message that makes sense is killed, and has crashed."""
        self._is_busy = True
        try:
            status = self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return _DiedError(CorruptMediaError(path, "crashes its decoder"), may_be_of_others=True)
        if self.isolation is not None and self.isolation.is_interrupted:
            return _DiedError(UnreadableMediaError(path, "was not read to its end"), may_be_of_others=False)
        if status >= 0:
            reason = f"its decoder ended (exit status {status}); the next run tries it again"
            has_left = status == 0 and not self._has_answered
            return _DiedError(UnreadableMediaError(path, reason), may_be_of_others=True, has_left=has_left)
        name = _name_of(-status)
        if -status in _CRASHES:
            return _DiedError(CorruptMediaError(path, f"crashes its decoder ({name})"), may_be_of_others=True)
        reason = f"its decoder was killed ({name}), as where memory runs out; the next run tries it again"
        return _DiedError(UnreadableMediaError(path, reason), may_be_of_others=False)


class _Children:
    """The processes that decode for this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._given_back: deque[_Child] = deque()

    def start(self, n: int) -> None:
        with self._held():
            self._leave_out_the_dead()
            while len(self._idle) + len(self._busy) < n:
                self._idle.insert(0, _Child())

    @contextmanager
    def lent(self, *, anew: bool) -> Iterator[_Child]:
        """Lend a process that does nothing to the caller alone: the one that was busy last, or a new one."""
        with self._held():
            self._leave_out_the_dead()
            child = _Child() if anew or not self._idle else self._idle.pop()
            child.isolation = entered_isolation()
            self._busy.add(child)
            if child.isolation is not None and child.isolation.is_interrupted:
                child.kill()
        try:
            yield child
        finally:
            # What is asked for and dropped is given back where it is collected as garbage: maybe by a thread that holds
            # the lock itself. So giving back waits for nothing.
            self._given_back.append(child)
            self._take_back()

    def interrupt(self, isolation: Isolation) -> None:
        with self._held():
            for child in self._busy:
                if child.isolation is not None and child.isolation.is_part_of(isolation):
                    child.kill()

    def close(self) -> None:
        """End them all."""
        with self._held():
            for child in self._busy:
                child.kill()
            while self._idle:
                self._idle.pop().close()

    def forget(self) -> None:
        """Leave them to the process that this one was forked from."""
        for child in {*self._idle, *self._busy, *self._given_back}:
            child.let_go()
        self._idle, self._busy, self._given_back, self._lock = [], set(), deque(), threading.Lock()

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lock, with all taken back that was given back before."""
        of_no_use: list[_Child] = []
        try:
            with self._lock:
                of_no_use = self._sort_out()
                yield
        finally:
            for child in of_no_use:
                child.close()
            self._take_back()

    def _take_back(self) -> None:
        """Take back what is given back, unless a thread holds the lock: that does it when it lets go."""
        while self._given_back and self._lock.acquire(blocking=False):
            try:
                of_no_use = self._sort_out()
            finally:
                self._lock.release()
            for child in of_no_use:
                child.close()

    def _sort_out(self) -> list[_Child]:
        """Keep what was given back and is of use, and return the others; the lock is held."""
        of_no_use = []
        while self._given_back:
            child = self._given_back.popleft()
            self._busy.discard(child)
            if child.is_of_use:
                self._idle.append(child)
            else:
                of_no_use.append(child)
        return of_no_use

    def _leave_out_the_dead(self) -> None:
        """Let go of those that had nothing to do for long and ended."""
        dead = [child for child in self._idle if not child.is_of_use]
        self._idle = [child for child in self._idle if child not in dead]
        for child in dead:
            child.close()


CHILDREN: Final = _Children()
"""Of this process."""

atexit.register(CHILDREN.close)
os.register_at_fork(after_in_child=CHILDREN.forget)


def _taken(pipe: Any) -> int:
    """Take a descriptor over from the file that holds it."""
    with pipe:
        return os.dup(pipe.fileno())


def _amount_of(message: Message, *, held: int) -> int:
    """Return what is asked for of the memory for decoding; raises ValueError where it can never be had."""
    amount = message["amount"]
    if type(amount) is not int or not 0 <= amount <= DECODING_BYTES.total - held:
        raise ValueError(amount)
    return amount


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # real-time signals have no names


def _size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0  # decoding will say


def _outcome(message: Message, data: Uint8Array, path: str) -> MediaFacts | Uint8Array:
    """Return what came of a file, or raise what was said of it."""
    match message["is"]:
        case "facts":
            return facts_of(message)
        case "array":
            return data.reshape(message["shape"])
        case "error":
            raise _ERRORS[message["type"]](*message["words"])
        case "out of memory":
            raise _DiedError(_out_of_memory(path, is_short=message["is_short"]), may_be_of_others=True)
        case _:
            raise RuntimeError(message["words"])


_ERRORS: Final = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}


def _out_of_memory(path: str, *, is_short: bool) -> MediaError:
    if is_short:
        return UnreadableMediaError(path, "needs more memory than this machine has free")
    return OversizedMediaError(path, f"needs more than {DECODER_BYTES / 2**30:.0f} GiB of memory to be decoded")
