"""`unspoken`, and `python -m service`: the command line, where what it needs is installed."""

import os
import sys


def main() -> None:
    """Run the command line; where only the till client is installed, say in one line what is missing."""
    try:
        from service.cli import main as run
    except ModuleNotFoundError as error:
        if (error.name or "service").partition(".")[0] == "service":
            raise
        sys.exit(
            f"Error: `unspoken` runs the service, and that needs {error.name}: pip install '.[service]' in a clone."
            " A till needs `unspoken-till` only."
        )
    try:
        run()
    except OSError as error:  # what commands read and write themselves they tell by themselves
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to print has nowhere to go
        sys.exit(f"Error: the result can't be written: {error.strerror}")


if __name__ == "__main__":
    main()
