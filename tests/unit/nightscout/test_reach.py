"""A site typed into a server's form leads to no link-local, metadata or private address, whatever its name says."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flows.doctor.site import SiteProbe
from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.client import NightscoutClient
from flows.nightscout.permissions import permissions_of
from flows.nightscout.reach import AddressKind, Reach, check_address, is_listed, kind_of
from flows.nightscout.wait import wait_for_readings
from flows.nightscout.writer import NightscoutWriter
from tests.unit.nightscout.test_client import SECRET, Site, json_answer, send

ADDRESSES = {
    AddressKind.NEVER: """169.254.0.0 169.254.169.254 169.254.255.255 fe80:: fe80::1%eth0 febf:ffff::1 100.100.100.200
        168.63.129.16 192.0.0.192 fd00:ec2::254 fd20:ce::254 fd00:42::42 0.0.0.0 0.255.255.255 :: 224.0.0.1 ff02::1
        240.0.0.0 255.255.255.255 fec0::1 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe ::169.254.169.254 ::ffff:0.0.0.0
        64:ff9b::169.254.169.254 64:ff9b:1::169.254.169.254 2002:a9fe:a9fe:: 2001:0:4136:e378:8000:63bf:5601:5601""",
    AddressKind.PRIVATE: """10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 127.0.0.1
        127.255.255.255 100.64.0.0 100.127.255.255 100.100.100.199 100.100.100.201 198.18.0.1 ::1 fc00:: fd00:ec2::253
        fd00:ec2::255 fdff:ffff::1 ::ffff:127.0.0.1 ::ffff:192.168.1.2 ::10.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::8.8.8.8
        2002:7f00:1::""",
    AddressKind.PUBLIC: """1.0.0.0 9.255.255.255 11.0.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0
        126.255.255.255
        128.0.0.0 100.63.255.255 100.128.0.0 169.253.255.255 169.255.0.0 168.63.129.15 168.63.129.17 223.255.255.255
        ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2606:4700::1111 2a00::1""",
}


@pytest.mark.parametrize(("kind", "address"), [(k, a) for k, texts in ADDRESSES.items() for a in texts.split()])
def test_what_an_address_is(kind: AddressKind, address: str) -> None:
    assert kind_of(address) is kind
    for reach, allowed in (
        (Reach.ANYWHERE, True),
        (Reach.PRIVATE_TOO, kind is not AddressKind.NEVER),
        (Reach.PUBLIC_ONLY, kind is AddressKind.PUBLIC),
    ):
        if allowed:
            check_address(address, reach)
            continue
        with pytest.raises(Refused) as caught:
            check_address(address, reach)
        assert caught.value.reason is Reason.SITE_NOT_ALLOWED
        assert address not in str(caught.value)


@pytest.mark.parametrize(
    ("listed", "own", "site", "is_in"),
    [
        ("", "", "http://nas:1337", False),
        ("http://nas:1337", "", "http://nas:1337", True),
        (" http://NAS:1337/ , https://other.example", "", "http://nas:1337", True),
        ("nas:1337", "", "http://nas:1337", True),  # the same host and port, by whichever scheme
        ("http://nas:1337", "", "http://nas:1338", False),
        ("http://nas:1337", "", "http://nas:1337/b", False),
        ("http://nas", "", "http://nas.example", False),
        ("", "http://nas:1337/", "http://nas:1337", True),
    ],
)
def test_an_operator_lists_sites(
    listed: str, own: str, site: str, is_in: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTUNE_ALLOWED_SITES", listed)
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_SITE", own)
    assert is_listed(site) is is_in


def test_a_list_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTUNE_ALLOWED_SITES", "https://a.example, ftp://b")
    with pytest.raises(Refused, match="AUTOTUNE_ALLOWED_SITES"):
        is_listed("https://a.example")


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What names stand for, one look-up after another; which were looked up."""

    def name(**answers: list[list[str]]) -> list[str]:
        asked: list[str] = []
        left = {
            host.replace("_", "."): itertools.chain(found, itertools.repeat(found[-1]))
            for host, found in answers.items()
        }
        real = socket.getaddrinfo

        def getaddrinfo(host: str, port: Any, *more: Any, **named: Any) -> list[Any]:
            asked.append(host)
            if host not in left:
                return real(host, port, *more, **named)
            found = next(left[host])
            if not found:
                raise socket.gaierror(socket.EAI_NONAME, "no such name")
            return [entry for address in found for entry in real(address, port, *more, **named)]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return name


def reader(url: str, reach: Reach) -> NightscoutClient:
    return NightscoutClient(url, Credentials(api_secret=SECRET), sleep=lambda _: None, reach=reach)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0", "0"],
)
def test_no_spelling_of_this_machine_is_reached(site: Site, host: str) -> None:
    with pytest.raises(Refused) as caught:
        reader(f"http://{host}:{site.server.server_port}", Reach.PUBLIC_ONLY).get("status.json")
    assert caught.value.reason is Reason.SITE_NOT_ALLOWED
    assert site.asked == []


WAYS: dict[str, Callable[[str, Reach], object]] = {
    "read": lambda url, reach: reader(url, reach).records("entries/sgv.json", "count=1"),
    "wait": lambda url, reach: wait_for_readings(reader(url, reach), 0, at_most_s=0, every_s=1),
    "write": lambda url, reach: NightscoutWriter(url, Credentials(api_secret=SECRET), reach=reach).post_profile(
        {"store": {"Day": {}}}
    ),
    "may it write": lambda url, reach: NightscoutWriter(
        url, Credentials(api_secret=SECRET), reach=reach
    ).missing_permissions(("api:profile:create",)),
    "permissions": lambda url, reach: permissions_of(url, Credentials(api_secret=SECRET), reach),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_sent_to_a_name_that_leads_inside(site: Site, named: Callable[..., list[str]], way: str) -> None:
    named(my_site_example=[["127.0.0.1"]], also_example=[["8.8.8.8", "127.0.0.1"]])
    for host in ("my.site.example", "also.example"):
        with pytest.raises(Refused) as caught:
            WAYS[way](f"http://{host}:{site.server.server_port}", Reach.PUBLIC_ONLY)
        assert caught.value.reason is Reason.SITE_NOT_ALLOWED
        assert "AUTOTUNE_ALLOWED_SITES" in caught.value.remedy
    assert site.asked == []


def test_the_doctor_of_a_saved_site_goes_no_further(named: Callable[..., list[str]]) -> None:
    named(my_site_example=[["169.254.169.254"]])
    probe = SiteProbe("http://my.site.example", Credentials(), reach=Reach.PRIVATE_TOO)
    assert "link-local" in (probe.trouble or "")


def test_a_saved_site_of_a_private_network_is_read_by_its_name(site: Site, named: Callable[..., list[str]]) -> None:
    asked = named(nas_example=[["127.0.0.1"]])
    url = f"http://nas.example:{site.server.server_port}"
    assert reader(url, Reach.PRIVATE_TOO).get("status.json").document == []
    assert site.asked[0][1]["Host"] == urlsplit(url).netloc
    assert asked.count("nas.example") == 1


def test_a_name_that_changes_between_two_look_ups_is_looked_up_once_for_a_connection(
    site: Site, named: Callable[..., list[str]]
) -> None:
    named(nas_example=[["127.0.0.1"], ["169.254.169.254"]])
    one = reader(f"http://nas.example:{site.server.server_port}", Reach.PRIVATE_TOO)
    assert one.get("status.json").document == []
    with pytest.raises(Refused) as caught:  # the stand-in ends each connection: the next one is looked up anew
        one.get("status.json")
    assert caught.value.reason is Reason.SITE_NOT_ALLOWED
    assert len(site.asked) == 1


def test_the_next_address_is_tried_where_the_first_does_not_answer(site: Site, named: Callable[..., list[str]]) -> None:
    named(nas_example=[["127.0.0.2", "127.0.0.1"]])
    url = f"http://nas.example:{site.server.server_port}"
    assert reader(url, Reach.PRIVATE_TOO).get("status.json").document == []


def test_where_a_connection_really_leads_is_checked_before_anything_is_sent(
    site: Site, named: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    named(my_site_example=[["8.8.8.8"]])

    def elsewhere(*_: Any, **__: Any) -> socket.socket:
        return socket.create_connection(("127.0.0.1", site.server.server_port))

    monkeypatch.setattr(urllib3.util.connection, "create_connection", elsewhere)
    with pytest.raises(Refused) as caught:
        reader("http://my.site.example", Reach.PUBLIC_ONLY).get("status.json")
    assert caught.value.reason is Reason.SITE_NOT_ALLOWED
    assert site.asked == []


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest", "http://www.{host}/api/v1/status.json"])
def test_a_redirect_leads_nowhere_else(site: Site, named: Callable[..., list[str]], target: str) -> None:
    host = f"nas.example:{site.server.server_port}"
    named(nas_example=[["127.0.0.1"]], www_nas_example=[["169.254.169.254"]])
    site.respond = lambda handler, _: send(handler, 302, b"", Location=target.format(host=host))
    with pytest.raises(Refused) as caught:
        reader(f"http://{host}", Reach.PRIVATE_TOO).get("status.json")
    assert caught.value.reason in (Reason.SITE_NOT_ALLOWED, Reason.SITE_NOT_DATA)
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("url", "reach", "arrives"),
    [
        ("http://10.1.2.3", Reach.PUBLIC_ONLY, False),
        ("http://10.1.2.3", Reach.PRIVATE_TOO, True),
        ("http://169.254.169.254", Reach.PRIVATE_TOO, False),
        ("http://2852039166", Reach.PRIVATE_TOO, False),
        ("http://8.8.8.8", Reach.PUBLIC_ONLY, True),
        ("http://unknown.example", Reach.PUBLIC_ONLY, False),  # only the proxy knows what it stands for
        ("http://unknown.example", Reach.PRIVATE_TOO, True),
        ("http://Metadata.Google.Internal.", Reach.PRIVATE_TOO, False),
        ("http://metadata", Reach.ANYWHERE, True),
    ],
)
def test_behind_a_proxy_the_name_is_checked_here(
    site: Site,
    named: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    reach: Reach,
    arrives: bool,
) -> None:
    monkeypatch.setenv("http_proxy", site.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    named(unknown_example=[[]])
    site.respond = json_answer([])
    try:
        reader(url, reach).get("status.json")
    except Refused as refusal:
        assert refusal.reason is Reason.SITE_NOT_ALLOWED
    assert bool(site.asked) is arrives


def certificate_for(host: str, place: Path) -> tuple[Path, Path]:
    """A certificate of a name and nothing else, trusted by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = place / "certificate.pem", place / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def test_a_certificate_is_checked_by_the_name_and_not_by_the_address(
    site: Site, named: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = certificate_for("nas.example", tmp_path)
    context, asked_for = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _, name, __: asked_for.append(name)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    named(nas_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    port = site.server.server_port
    for host, trouble in (("nas.example", ""), ("other.example", "certificate"), ("127.0.0.1", "certificate")):
        with pytest.raises(Refused, match=trouble) if trouble else contextlib.nullcontext():
            assert reader(f"https://{host}:{port}", Reach.PRIVATE_TOO).get("status.json").document == []
    assert len(site.asked) == 1
    assert set(asked_for) == {"nas.example", "other.example", None}
