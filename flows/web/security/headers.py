"""The headers of every answer: nothing inline, nothing foreign, in no frame, kept by no cache."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
    )
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: a browser then sends our own forms with `Origin: null`, and nothing is left to compare.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow",
}


def put_headers(headers: MutableHeaders, path: str, status: int) -> None:
    """Give an answer its headers.

    A page may bring a policy of its own only to be shut in further (`sandbox`), and only files that are named by what
    is in them may be kept.

    Args:
        headers: of the answer.
        path: that was asked for, below the prefix.
        status: of the answer.
    """
    for name, value in ALWAYS.items():
        headers[name] = value
    own = headers.get("Content-Security-Policy", "")
    if "sandbox" in own.replace(";", " ").split():
        if "frame-ancestors" not in own:
            headers["Content-Security-Policy"] = f"{own.rstrip('; ')}; frame-ancestors 'none'"
    else:
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    if not (path.startswith("/s/") and status == 200 and "Cache-Control" in headers):
        headers["Cache-Control"] = "no-store"
