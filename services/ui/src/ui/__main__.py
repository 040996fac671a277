"""`python -m ui`."""

import ctypes
import sys

# Gradio loads these where it finds them, for plots and data frames that this page has none of: 60 MB in vain.
SPARED = ("matplotlib", "pyarrow")
# glibc's `M_ARENA_MAX`: by default each thread has a heap of its own that keeps what it once held.
ARENAS_AT_MOST, ARENAS = -8, 2


def main() -> None:
    """Serves the page until it is told to stop."""
    if hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(ARENAS_AT_MOST, ARENAS)
    sys.modules.update(dict.fromkeys(SPARED))  # type: ignore[arg-type]  # null: one that cannot be found
    from ui.app import create_app  # noqa: PLC0415
    from ui.settings import UiSettings  # noqa: PLC0415
    from vigie.server import serve  # noqa: PLC0415

    settings = UiSettings.read()
    serve(create_app(settings), settings, service="ui", port=settings.ui_port)


if __name__ == "__main__":
    main()
