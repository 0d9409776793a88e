"""What the sites of one file may be written with: for the worker that applies, and for nobody else.

    {"https://my.site.example": {"token": "writer-…"}, "https://another.example": {"api_secret": "…"}}

Each secret goes to the address it stands beside, whatever a block on a server says: there anybody whom the server
answers may save another address. `basic_auth` (`user:password`) is for a server in front of the site.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter, ValidationError

from flows.environment import environment_now, variable
from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials, checked_basic
from flows.settings import site_url

WRITE_TOKENS_FILE = variable("nightscout_write_tokens_file")


class _Secrets(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr | None = None
    api_secret: SecretStr | None = None
    basic_auth: SecretStr | None = None

    def credentials(self) -> Credentials:
        values = (None if s is None else s.get_secret_value() for s in (self.token, self.api_secret, self.basic_auth))
        token, api_secret, basic = values
        return Credentials(token, api_secret, checked_basic(basic))


_FILE = TypeAdapter(dict[str, _Secrets])


def write_tokens_for(site: str) -> Credentials | None:
    """What the file has for a site; `None` where there is no file, or nothing for it.

    Args:
        site: its address, as `flows.settings.site_url` writes it.

    Raises:
        Refused: `FILE_MISSING`, `WRITE_TOKENS_FILE`, `SITE_URL`, `BASIC_AUTH_FORM`.
    """
    text = environment_now().secret("nightscout_write_tokens")
    if text is None:
        return None
    found = [secrets for address, secrets in _read(text).items() if site_url(address) == site]
    if len(found) > 1:
        raise Refused(Reason.WRITE_TOKENS_FILE, variable=WRITE_TOKENS_FILE, detail="it names one site twice")
    return found[0].credentials() if found else None


def _read(text: str) -> dict[str, _Secrets]:
    try:
        return _FILE.validate_json(text)
    except ValidationError as error:  # whose text holds what was read
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        # Where: the address is one of the file's own keys, and no secret.
        where = " of ".join(map(str, reversed(first["loc"]))) or "the whole"
        kind = "not JSON" if first["type"] == "json_invalid" else first["type"].replace("_", " ")
        raise Refused(Reason.WRITE_TOKENS_FILE, variable=WRITE_TOKENS_FILE, detail=f"{where}: {kind}") from None
