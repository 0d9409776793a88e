"""`python -m flows.cli`: the command `autotune` where its script is not on the path."""

import sys

from flows.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
