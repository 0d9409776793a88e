"""Every `AUTOTUNE_…` variable of the environment, once: its name, what it is for, and how a secret of it is read.

Read anew at each call (`environment_now`), so that nothing depends on when a module was imported. What a value means,
such as a time zone, is checked where it is used. Secrets are given by value or by a file (`…_FILE`), and never printed.
"""

from __future__ import annotations

import functools
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from flows.errors import Reason, Refused
from flows.language.catalogue import Language, chosen, speaking
from flows.values.loopback import is_loopback

PREFIX = "AUTOTUNE_"


class Environment(BaseSettings):
    """What the environment says; what is left out or empty is `None`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, str_strip_whitespace=True
    )

    runs: Path | None = Field(None, description="where runs keep their evidence (`autotune-runs` where it is run)")
    applied: Path | None = Field(None, description="where the journals of changes lie (beside the runs, or user state)")
    state: Path | None = Field(
        None, description="where is kept how often sites are asked and what notices said (the user's)"
    )
    node: Path | None = Field(None, description="the Node.js to use (the newest of the system's and the wheel's)")
    debug: str | None = Field(None, description="anything: an internal error is shown with its traceback")
    language: str | None = Field(None, description="language people are spoken to in: `en` or `de` (en)")
    report_url: str | None = Field(None, description="where run directories are served, with `{run}` for their name")
    apply_policy: str | None = Field(None, description="file that says how far a proposal may be applied unattended")

    max_answer_mib: str | None = Field(None, description="most MiB one answer of a site may hold, unpacked (64)")
    max_files_mib: str | None = Field(None, description="most MiB the files of a `--from` may hold, unpacked (1024)")
    max_json_depth: str | None = Field(None, description="most levels of nesting in JSON that is read (100)")

    nightscout_site: str | None = Field(None, description="site of runs that name none; the secrets are for it only")
    allow_http: str | None = Field(None, description="`true`: that site may be read over plain http, never written to")
    allowed_sites: str | None = Field(None, description="further sites of private networks, for runs asked of a server")
    nightscout_token: SecretStr | None = Field(None, description="access token that may read the site")
    nightscout_token_file: Path | None = Field(None, description="file with it")
    nightscout_api_secret: SecretStr | None = Field(None, description="the site's API secret, for reading")
    nightscout_api_secret_file: Path | None = Field(None, description="file with it")
    nightscout_write_token: SecretStr | None = Field(None, description="access token that may write profiles")
    nightscout_write_token_file: Path | None = Field(None, description="file with it")
    nightscout_write_api_secret: SecretStr | None = Field(None, description="the site's API secret, for writing")
    nightscout_write_api_secret_file: Path | None = Field(None, description="file with it")
    nightscout_write_tokens: SecretStr | None = Field(None, description="JSON: for each site what may write to it")
    nightscout_write_tokens_file: Path | None = Field(None, description="file with it")
    nightscout_basic_auth: SecretStr | None = Field(None, description="`user:password` of a server before the site")
    nightscout_basic_auth_file: Path | None = Field(None, description="file with it")

    timezone: str | None = Field(None, description="time zone of the nightly run (UTC)")
    age_group: str | None = Field(None, description="the person's age group, as `--age-group` has it")
    insulin: str | None = Field(None, description="the person's insulin, as `--insulin` has it")
    nightly: str | None = Field(None, description="`true` or `false`: the nightly run is switched on or off")
    nightly_at: str | None = Field(None, description="local time of the nightly run, as HH:MM (04:30)")
    pool: str | None = Field(None, description="work pool of the runs: `autotune` or `autotune-docker`")
    port: str | None = Field(None, description="port of the service's pages on this machine (4200)")
    page: Path | None = Field(None, description="where the page keeps its own files (the user's state)")
    page_url: str | None = Field(None, description="address under which people reach the page (this machine only)")
    page_port: str | None = Field(None, description="port of the page (4201)")
    page_plain_http: str | None = Field(None, description="`true`: people may sign in over plain http, by any name")
    page_proxy: str | None = Field(None, description="addresses of a proxy whose word on the client counts, by commas")
    page_sign_on_header: str | None = Field(None, description="header in which that proxy names whom it has let in")
    page_proxy_secret: SecretStr | None = Field(None, description="what it sends as X-Autotune-Proxy-Secret with that")
    page_proxy_secret_file: Path | None = Field(None, description="file with it")
    page_host: str | None = Field(None, description="address that the page listens at (127.0.0.1)")
    page_contained: str | None = Field(None, description="`true`: that is a container's, whose port is of this machine")
    demo_address: str | None = Field(
        None, description="address of the synthetic person's site that the page serves (this machine, page's port + 1)"
    )
    uploads: Path | None = Field(None, description="where exports lie that people upload (beside the page's files)")
    server_password: SecretStr | None = Field(None, description="password of Prefect's API, whose user is `autotune`")
    server_password_file: Path | None = Field(None, description="file with it")
    uploads_volume: str | None = Field(None, description="volume of those exports, for the runs' containers")
    poll_seconds: str | None = Field(None, description="how often a worker of the service asks for runs (5)")
    webhook: SecretStr | None = Field(None, description="address that notices are sent to")
    webhook_file: Path | None = Field(None, description="file with it")
    notices: SecretStr | None = Field(None, description="further addresses for notices as apprise has them, one a line")
    notices_file: Path | None = Field(None, description="file with them")
    ping: SecretStr | None = Field(None, description="address of an outside monitor, asked while all is well")
    ping_file: Path | None = Field(None, description="file with it")
    image: str | None = Field(None, description="image of the runs' containers")
    pull_policy: str | None = Field(None, description="`Never`, `IfNotPresent` or `Always`, for that image")
    network: str | None = Field(None, description="network of the runs' containers, on which the server is")
    runs_volume: str | None = Field(None, description="volume where the runs' containers keep their evidence")
    container_token_file: str | None = Field(None, description="this machine's file with the read token, for them")

    @field_validator("*", mode="before")
    @classmethod
    def _blank_is_absent(cls, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else value

    def secret(self, name: str) -> str | None:
        """A secret by its field's name, from the variable or from the file that its `…_FILE` names.

        Raises:
            Refused: `FILE_MISSING` where the file cannot be read.
        """
        given: SecretStr | None = getattr(self, name)
        if given is not None:
            return given.get_secret_value()
        file: Path | None = getattr(self, f"{name}_file")
        if file is None:
            return None
        try:
            return file.read_text("utf-8").strip() or None
        except OSError:
            raise Refused(
                Reason.FILE_MISSING,
                file=f"the file named by {variable(f'{name}_file')}",
                remedy="Create it, or unset the variable.",
            ) from None


def speaking_as_set() -> AbstractContextManager[None]:
    """Speak the language that was chosen, such as by `--language`, else the environment's; English if it names none."""
    named = (environment_now().language or "").lower()
    of_environment = next((one for one in Language if one.value == named), Language.ENGLISH)
    return speaking(chosen() or of_environment)


def reports_at(environment: Environment) -> str | None:
    """Where a run's report can be opened, with `{run}` for its name: on the page, else where they are served.

    A page for this machine alone does not come before what is served for others.
    """
    page = on_page(environment, "/r/{run}")
    if page is None or (environment.report_url and is_loopback(urlsplit(page).hostname or "")):
        return environment.report_url or page
    return page


def on_page(environment: Environment, path: str) -> str | None:
    """The address of a path on the page for people; `None` where none is named."""
    return f"{environment.page_url.rstrip('/')}{path}" if environment.page_url else None


def environment_now() -> Environment:
    """The environment as it is now; made anew only where a variable of it has changed."""
    return _made(tuple((name, value) for name, value in os.environ.items() if name.upper().startswith(PREFIX)))


@functools.lru_cache(maxsize=1)  # making it takes milliseconds, and a limit is asked for with every answer of a site
def _made(_variables: tuple[tuple[str, str], ...]) -> Environment:
    return Environment()


def variable(field: str) -> str:
    """The variable of a field: `AUTOTUNE_RUNS` of `runs`."""
    return PREFIX + field.upper()
