"""The page's own answers where there is no page: what is wrong, where, and what to do. No text of an exception."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from flows.environment import speaking_as_set
from flows.language.catalogue import phrase, to_translate, translated
from flows.web.rendering import render

API = "/api/v1"
# A status' headline and what to do.
SAID = {
    400: (
        to_translate("This request could not be read"),
        to_translate("Go back, load the page again, and send the form anew."),
    ),
    401: (
        to_translate("A token is needed"),
        to_translate("Make one on the page under Settings, Access, and send it as a bearer token."),
    ),
    403: (
        to_translate("This was not accepted"),
        to_translate("Nothing was done. Go back, load the page again, and send the form anew."),
    ),
    404: (
        to_translate("Nothing is here"),
        to_translate("The address has a mistake, or what was here is gone. Begin at the first page."),
    ),
    405: (
        to_translate("This address cannot be opened like this"),
        to_translate("It is where a form sends to. Begin at the first page, and open the form there."),
    ),
    413: (
        to_translate("This is too large"),
        to_translate("Nothing was kept. Send less at once: fewer days, or a zip instead of files."),
    ),
    422: (
        to_translate("This form could not be read"),
        to_translate("A field is missing or has another form. Go back, load the page again, and send the form anew."),
    ),
    429: (
        to_translate("Too many attempts"),
        to_translate("Wait some minutes, then try again. Who is signed in already is not held up."),
    ),
    500: (
        to_translate("Something went wrong here"),
        to_translate(
            "It is a fault of this program and not of yours. Try again; if it stays, the log of the page says where "
            "it was."
        ),
    ),
    503: (
        to_translate("This cannot be done now"),
        to_translate("Something that it needs does not answer. Health says what."),
    ),
}
OTHERWISE = {4: 400, 5: 500}


def error_answer(
    request: Request, status: int, path: str, *, say: str | None = None, to_do: str | None = None
) -> Response:
    """The answer of a status, as a page or for a machine as a document.

    Args:
        request: that it answers.
        status: of the answer.
        path: that was asked for, below the prefix.
        say: what is wrong, instead of the status' own words.
        to_do: what to do, likewise.
    """
    headline, remedy = SAID.get(status) or SAID[OTHERWISE.get(status // 100, 500)]
    with speaking_as_set():
        if is_api(path):
            return JSONResponse({"error": say or headline}, status_code=status)
        return render(
            request,
            "refused.html",
            status=status,
            headline=say or translated(headline),
            to_do=to_do or translated(remedy),
        )


def is_api(path: str) -> bool:
    """Whether a path below the prefix is one for machines."""
    return path == API or path.startswith(f"{API}/")


def unknown_host(request: Request, path: str, host: str) -> Response:
    """The answer to a request by a name that is not the page's own."""
    with speaking_as_set():
        return error_answer(
            request,
            400,
            path,
            say=phrase("The page is not known by this name"),
            to_do=phrase(
                "It was asked for as {host}. If that is how people are to reach it, set AUTOTUNE_PAGE_URL to the whole "
                "address, such as https://{host}, and start the page again.",
                host=host[:100] or "–",
            ),
        )


def foreign_form(request: Request, path: str) -> Response:
    """The answer to a form that another site's page sent."""
    with speaking_as_set():
        return error_answer(
            request,
            403,
            path,
            say=phrase("This form was not sent by a page of this address"),
            to_do=phrase(
                "Nothing was done. If you filled it in here, a proxy in front of the page changes the address: set "
                "AUTOTUNE_PAGE_URL to the address in your browser, and start the page again."
            ),
        )


def forged_sign_on(request: Request, path: str) -> Response:
    """The answer to whoever says what only the proxy of the settings may say."""
    with speaking_as_set():
        return error_answer(
            request,
            403,
            path,
            say=phrase("This request says who you are, and may not"),
            to_do=phrase(
                "It has a header that only the proxy of the page may send, from one of its addresses and with its "
                "secret. Whoever runs the proxy: see AUTOTUNE_PAGE_PROXY and AUTOTUNE_PAGE_PROXY_SECRET."
            ),
        )


def old_form(request: Request, path: str) -> Response:
    """The answer to a form without the token of its session."""
    with speaking_as_set():
        return error_answer(
            request,
            403,
            path,
            say=phrase("This form is of another session"),
            to_do=phrase(
                "Nothing was done. Load the page again and send the form anew. If that does not help, this browser "
                "keeps no cookies of the page."
            ),
        )


def answer_with_own_pages(app: FastAPI) -> None:
    """Let every error that the framework finds be said by a page of our own."""
    app.add_exception_handler(HTTPException, _of_exception)
    app.add_exception_handler(RequestValidationError, _of_form)


def _of_exception(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    path = below(request)
    # What our own calls for machines say of themselves; of a page nothing that code has put into an exception is shown.
    say = str(error.detail) if is_api(path) and isinstance(error, HTTPException) else None
    answer = error_answer(request, status, path, say=say)
    answer.headers.update(headers or {})
    return answer


def _of_form(request: Request, _: Exception) -> Response:
    return error_answer(request, 422, below(request))


def below(request: Request) -> str:
    """The path of a request below the prefix, as the gate has put it."""
    return str(request.scope.get("autotune.path", request.url.path))
