"""`/r/{run}/files/{name}`: the stored files of a run, from a fixed list of names, and only as they were sealed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from flows.web.indexed_run import RunState, indexed_run
from flows.web.rendering import render
from flows.web.run_files import GIVEN_OUT, content_of, run_of
from flows.web.state import page_of

routes = APIRouter()
# The stored page as it is: its own style and nothing else; whatever were put into it would do nothing.
SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@routes.get("/r/{name}/files/{file}")
def stored_file(request: Request, name: str, file: str) -> Response:
    """One file."""
    run = run_of(page_of(request).settings.runs, name) if file in GIVEN_OUT else None
    content = content_of(run, file) if run is not None and indexed_run(run).state is not RunState.DAMAGED else None
    if content is None:
        return render(request, "file_missing.html", status=404)
    shown = file == "report.html"
    headers = {
        "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{name}-{file}"',
        "Content-Security-Policy": SANDBOX,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=GIVEN_OUT[file], headers=headers)
