"""Prefect's API behind a password: what `AUTOTUNE_SERVER_PASSWORD` says, in Prefect's own two variables.

    python -m flows.orchestration.with_password MODULE [ARGUMENT …]     runs a module with them, as `python -m` would

Prefect's server knows no users, and hands a block's secrets to whoever may ask it: where others reach the page, its own
password protects nothing while they reach the API without one. Imported before Prefect, which reads them once.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import MutableMapping

from flows.environment import Environment, environment_now
from flows.errors import Refused

USER = "autotune"
SERVER, CLIENT = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"


def prefect_auth(environment: Environment) -> dict[str, str]:
    """Prefect's variables; none where no password is set: an empty one would be a password.

    Raises:
        Refused: `FILE_MISSING`.
    """
    password = environment.secret("server_password")
    return dict.fromkeys((SERVER, CLIENT), f"{USER}:{password}") if password else {}


def use_password(variables: MutableMapping[str, str] = os.environ) -> None:
    """Put them beside what is set; what somebody gave Prefect itself stays.

    Raises:
        Refused: `FILE_MISSING`.
    """
    for name, value in prefect_auth(environment_now()).items():
        if not variables.get(name):
            variables[name] = value


def main() -> None:
    """Run the module that the command line names."""
    try:
        use_password()
    except Refused as refusal:
        sys.exit(f"{refusal.sentence} {refusal.remedy}")
    module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
