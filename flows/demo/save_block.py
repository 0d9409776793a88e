"""Save the block of the demonstration's site, whose tokens are known to everybody.

python -m flows.demo.save_block URL
"""

from __future__ import annotations

import json
import sys

from prefect.client.orchestration import get_client

from flows.demo.site import READ_TOKEN, WRITE_TOKEN
from flows.orchestration.blocks import NightscoutSite
from flows.orchestration.concurrency import make_limit
from flows.values.bundled import bundled

BLOCK = "demo"


def main(url: str) -> None:
    """Save the block `demo` for the site at `url`, and the limit of one run at a time for it."""
    said = json.loads(bundled("fixtures/demonstration/settings.json").read_text("utf-8"))
    site = NightscoutSite(url=url, allow_http=True, read_token=READ_TOKEN, write_token=WRITE_TOKEN, options=said)
    site.save(BLOCK, overwrite=True)
    with get_client(sync_client=True) as client:
        make_limit(client, site.url)
    sys.stderr.write(f"The synthetic person's site is the block {BLOCK}.\n")


if __name__ == "__main__":
    main(sys.argv[1])
