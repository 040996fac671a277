"""`python -m vigie.local.supervisor -c FILE`: supervisord, which also stops when its terminal is closed."""

import os
import signal

from supervisor import supervisord
from supervisor.options import ServerOptions


class Options(ServerOptions):  # type: ignore[misc] # supervisor has no types
    """supervisord's, but for SIGHUP: to supervisord itself it means to start everything anew, by then unwatched."""

    def setsignals(self) -> None:
        """Called by supervisord once it is set up."""
        super().setsignals()
        signal.signal(signal.SIGHUP, lambda _number, _frame: self._hang_up())

    def _hang_up(self) -> None:
        """Stops, and writes nothing more to a terminal that may be gone."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        self.signal_receiver.receive(signal.SIGTERM, None)


def main() -> None:
    """Runs until SIGTERM, SIGINT or SIGHUP; every program has ended then."""
    options = Options()
    options.realize(doc=__doc__)
    options.first = True
    options.test = False
    supervisord.go(options)
    options.close_httpservers()
    options.close_logger()


if __name__ == "__main__":
    main()
