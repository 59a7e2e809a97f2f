"""Servers of a few lines, on real sockets, for what `manage.py doctor` asks: web and mail."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

What = TypeVar("What")
Answers = dict[str, tuple[int, str]]  # "GET /path" → status and text (or where a redirect leads)


@contextmanager
def web(answers: Answers, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A web server that gives these answers, 404 to all else, by TLS with a context; its address."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            status, text = answers.get(f"{self.command} {self.path}", (404, "nothing here\n"))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", text)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = answer

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        yield from _served(server, f"http{'s' if context else ''}://127.0.0.1:{server.server_address[1]}")


class Post:
    """What a mail server was told."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.commands: list[str] = []
        self.mails: list[str] = []


@contextmanager
def smtp(*, password: str = "", greeting: str = "220 here") -> Iterator[Post]:
    """A mail server that lets in who knows `password`."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say(greeting)
            while line := self.rfile.readline().decode().strip():
                word = line.split(" ")[0].upper()
                post.commands.append(word)
                if word == "EHLO":
                    self.say("250-here")
                    self.say("250 AUTH PLAIN")
                elif word == "AUTH":
                    given = base64.b64decode(line.split(" ")[2]).decode().split("\0")[2]
                    self.say("235 in" if given == password else f"535 no, {given} is wrong")
                elif word == "DATA":
                    self.say("354 go on")
                    post.mails.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
                    self.say("250 taken")
                else:
                    self.say("221 bye" if word == "QUIT" else "250 fine")

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        post = Post(server.server_address[1])
        yield from _served(server, post)


def _served(server: socketserver.BaseServer, what: What) -> Iterator[What]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield what
    finally:
        server.shutdown()
        thread.join()
