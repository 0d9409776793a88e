"""What the page is told: its own files, the runs, Prefect's server, and the address under which people reach it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from flows.environment import Environment
from flows.errors import Reason, Refused
from flows.settings import site_url
from flows.values.loopback import is_loopback
from flows.values.user_directories import journals_root, page_root, runs_root
from flows.web.proxy_settings import ProxySettings

PORT = 4201
HOST = "127.0.0.1"


@dataclass(frozen=True)
class PageSettings:
    """Where the page lies and what it was told.

    Attributes:
        data: its own files: sessions, people, the index of runs, looks, uploads.
        runs: the run directories; only read.
        journals: the journals of changes; only read.
        uploads: where exports are put that a person uploads; runs read them.
        prefect_api: of Prefect's server, such as http://127.0.0.1:4200/api.
        prefect_auth: `user:password` of Prefect's server, where it wants one.
        prefect_page: where people see Prefect's own page, for operators.
        url: under which people reach the page, without a slash at its end; it may have a path.
        site: the site of the service's settings, for runs that name none.
        port: at which the page listens, under the names of this machine.
        plain_http: whether people may sign in over plain http, by a name that is not this machine's alone.
        proxy: in front of the page.
        host: at which the page listens.
        contained: whether that is a container's own, whose port is for its machine alone.
        demo: address of the synthetic person's site, which the page serves while somebody tries it.
    """

    data: Path
    runs: Path
    journals: Path
    uploads: Path
    prefect_api: str
    prefect_auth: str | None = field(repr=False)
    prefect_page: str
    url: str
    site: str | None
    port: int = PORT
    plain_http: bool = False
    proxy: ProxySettings = field(default_factory=ProxySettings)
    host: str = HOST
    contained: bool = False
    demo: str = f"http://{HOST}:{PORT + 1}"

    @classmethod
    def of(cls, environment: Environment) -> PageSettings:
        """As the environment has it.

        Raises:
            Refused: `PAGE_URL`, `PAGE_PROXY`, `SITE_URL` (of `AUTOTUNE_DEMO_ADDRESS`), or `FILE_MISSING` of a
                secret's file.
        """
        port = environment.page_port or str(PORT)
        data = environment.page or page_root()
        api = os.environ.get("PREFECT_API_URL") or "http://127.0.0.1:4200/api"
        return cls(
            data=data.absolute(),
            runs=runs_root().absolute(),
            journals=journals_root(),
            uploads=(environment.uploads or data / "uploads").absolute(),
            prefect_api=api.rstrip("/"),
            prefect_auth=os.environ.get("PREFECT_API_AUTH_STRING") or None,
            prefect_page=os.environ.get("PREFECT_UI_URL") or api.rstrip("/").removesuffix("/api"),
            url=page_url(environment.page_url or f"http://{HOST}:{port}"),
            site=environment.nightscout_site,
            port=int(port),
            plain_http=(environment.page_plain_http or "").lower() == "true",
            proxy=ProxySettings.of(environment),
            host=environment.page_host or HOST,
            contained=(environment.page_contained or "").lower() == "true",
            demo=site_url(environment.demo_address or f"http://{HOST}:{int(port) + 1}"),
        )

    @property
    def prefix(self) -> str:
        """The path before every path of the page, such as `/autotune` behind a proxy; mostly empty."""
        return urlsplit(self.url).path

    @property
    def published(self) -> bool:
        """Whether others than this machine may reach the page: by its address, or because it listens for them."""
        return not is_loopback(urlsplit(self.url).hostname or "") or not (self.contained or is_loopback(self.host))

    @property
    def encrypted(self) -> bool:
        """Whether people reach it by https."""
        return urlsplit(self.url).scheme == "https"


def page_url(value: str) -> str:
    """The page's address, tidied.

    Raises:
        Refused: `PAGE_URL`.
    """
    parts = urlsplit(value.strip().rstrip("/"))
    try:
        _ = parts.port
    except ValueError:
        raise Refused(Reason.PAGE_URL, detail="its port is not between 0 and 65535") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(Reason.PAGE_URL, detail="it is not an http(s) address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Refused(Reason.PAGE_URL, detail="it carries a user name, a password, a query or a fragment")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"
