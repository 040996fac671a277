"""What operators' commands have in common: what goes wrong is told in a sentence."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError
from sqlalchemy.exc import ArgumentError, OperationalError

from vigie.errors import VigieError


@contextmanager
def telling(command: str) -> Iterator[None]:
    """Around all that the command does: ends it with exit status 1 and the reason, in its name.

    Whoever stopped reading its output is told nothing.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where Python flushes to when it ends
        raise SystemExit(1) from None
    except RedisError as error:
        raise SystemExit(f"{command}: REDIS_URL: {error}") from None
    except ArgumentError as error:
        raise SystemExit(f"{command}: DATABASE_URL: {error}") from None
    except OperationalError as error:
        raise SystemExit(f"{command}: the store does not answer: {type(error).__name__}") from None
    except (VigieError, OSError) as error:
        raise SystemExit(f"{command}: {error}") from None
