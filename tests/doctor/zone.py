"""A name server on loopback, UDP and TCP, that answers from a dict: real lookups over real sockets."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

Zone = Mapping[str, Mapping[str, Sequence[str]]]
"""Name -> type -> records as a zone file writes them. A name that is not there is NXDOMAIN."""

FAILS = {"*": ["SERVFAIL"]}
SILENT = {"*": ["SILENT"]}


def truncated(**records: Sequence[str]) -> dict[str, Sequence[str]]:
    """Too long for UDP: only TCP says it."""
    return {"*": ["TRUNCATED"], **records}


def mute(**records: Sequence[str]) -> dict[str, Sequence[str]]:
    """Too long for UDP, and TCP takes the question and never answers."""
    return {"*": ["MUTE"], **records}


@dataclass
class Server:
    """A name server, and what it was asked."""

    port: int
    asked: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often, by name, type and way (udp or tcp)."""

    def resolver(self) -> dns.resolver.Resolver:
        """One that asks this server alone."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self.port
        return resolver


@contextmanager
def serving(zone: Zone) -> Iterator[Server]:
    """The zone, served until the end."""
    udp, tcp = _both_at_one_port()
    with udp, tcp:
        server = Server(udp.getsockname()[1])
        threads = [
            threading.Thread(target=work, args=(way, zone, server), daemon=True)
            for work, way in ((_datagrams, udp), (_streams, tcp))
        ]
        for thread in threads:
            thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", server.port))
            tcp.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)
                assert not thread.is_alive()


def _both_at_one_port() -> tuple[socket.socket, socket.socket]:
    """A free port for UDP may be taken for TCP; then another one is tried."""
    for _ in range(50):
        udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(("127.0.0.1", 0))
        try:
            udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        except OSError:
            udp.close()
            tcp.close()
            continue
        tcp.listen()
        return udp, tcp
    raise AssertionError("no port is free for UDP and TCP")


def _datagrams(udp: socket.socket, zone: Zone, server: Server) -> None:
    while True:
        wire, where = udp.recvfrom(4096)
        if not wire:
            return
        answer = _answer(dns.message.from_wire(wire), zone, server, "udp")
        if answer is not None:
            udp.sendto(answer.to_wire(), where)


def _streams(tcp: socket.socket, zone: Zone, server: Server) -> None:
    kept = []
    while True:
        try:
            stream, _ = tcp.accept()
        except OSError:
            break
        kept.append(stream)
        wire = stream.makefile("rb").read(int.from_bytes(stream.recv(2), "big"))
        answer = _answer(dns.message.from_wire(wire), zone, server, "tcp")
        if answer is not None:
            body = answer.to_wire()
            stream.sendall(len(body).to_bytes(2, "big") + body)
    for stream in kept:
        stream.close()


def _answer(query: dns.message.Message, zone: Zone, server: Server, way: str) -> dns.message.Message | None:
    question = query.question[0]
    name, kind = question.name.to_text().rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
    server.asked[name, kind, way] += 1
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.RA
    here = zone.get(name)
    (special,) = (here or {}).get("*", [""])
    if here is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    elif special == "SILENT" or (special == "MUTE" and way == "tcp"):
        return None
    elif special == "SERVFAIL":
        answer.set_rcode(dns.rcode.SERVFAIL)
    elif special in ("TRUNCATED", "MUTE") and way == "udp":
        answer.flags |= dns.flags.TC
    else:
        _fill(answer, zone, f"{name}.", kind)
    return answer


def _fill(answer: dns.message.Message, zone: Zone, name: str, kind: str) -> None:
    here = zone.get(name.rstrip("."), {})
    if "CNAME" in here:
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", *here["CNAME"]))
        _fill(answer, zone, here["CNAME"][0], kind)
    elif here.get(kind):
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *here[kind]))
