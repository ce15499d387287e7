"""The command line from its first moment on: ``fullrank`` and ``python -m fullrank``."""

from fullrank import ends


def main() -> None:
    """Runs the command line, see `fullrank.cli.main`; Ctrl-C while it loads is the end at once."""
    ends.at_once()
    from fullrank.cli import main as run

    run()


if __name__ == "__main__":
    main()
