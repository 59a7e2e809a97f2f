"""One connection to the fake IRC server: what each command does there."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.connectors.irc import pastes
from tests.connectors.irc.lines import Line

if TYPE_CHECKING:
    from tests.connectors.irc.fake import Fake, Spoken

NAME = "irc.fake.example"
LONGEST = 510  # bytes of a line without its tags and its end: what is more is cut off
MOST = 100  # messages in one answer of CHATHISTORY
TAGGED = {"label": "labeled-response", "batch": "batch", "time": "server-time", "account": "account-tag"}


class Session:
    """A client's connection."""

    def __init__(self, server: Fake, connection: socket.socket) -> None:
        self.server, self.script, self.connection = server, server.script, connection
        self.nick, self.user, self.account, self.password = "*", "", "", ""
        self.caps: set[str] = set()
        self.channels: dict[str, str] = {}  # by the folded name, as it is written
        self.negotiating = self.welcomed = self.closing = False
        self.label = ""
        self.batches: dict[str, list[Line]] = {}  # each with its opening
        self._batch_label = ""
        self.mechanism = ""
        self._lines: deque[float] = deque()
        self.lock = threading.RLock()

    @property
    def source(self) -> str:
        return f"{self.nick}!{self.user}@client.example"

    # ------------------------------------------------------------ the wire

    def run(self) -> None:
        """Until the connection ends."""
        with suppress(OSError), self.connection.makefile("rb") as lines:
            if self.script.closing:
                self.close(self.script.closing)
            for raw in lines:
                text = raw.decode("utf-8", "replace").rstrip("\r\n")
                if text and not self.closing:
                    self._take(Line.parse(text))

    def _take(self, line: Line) -> None:
        self.server.got.append(Line(line.command, line.params, self.nick, line.tags))
        if self._floods():
            return self.close(f"Closing Link: {self.nick} (Excess Flood)")
        if line.command in self.script.swallows:
            return None
        rule = self.server.rules.get(line.command)
        if rule and rule(self, line):
            return None
        self.label = line.tags.get("label", "") if "labeled-response" in self.caps else ""
        action = getattr(self, f"_{line.command.lower()}", None)
        if action is None:
            return self.numeric(421, line.command, "Unknown command")
        action(line)
        if self.label:  # there was nothing to tell
            self.send(Line("ACK", (), NAME))
        return None

    def _floods(self) -> bool:
        now = time.monotonic()
        self._lines.append(now)
        while self._lines and self._lines[0] < now - 1:
            self._lines.popleft()
        return bool(self.script.flood) and self.welcomed and len(self._lines) > self.script.flood

    def send(self, line: Line) -> None:
        """Tell the client, with the tags that it asked for."""
        if line.command == "JOIN" and "extended-join" not in self.caps:
            line = Line("JOIN", line.params[:1], line.source, line.tags)
        tags = {key: value for key, value in line.tags.items() if self._wants(key)}
        with self.lock:
            if self.label:
                tags["label"], self.label = self.label, ""
            plain = str(Line(line.command, line.params, line.source)).encode()[:LONGEST]
            tagged = str(Line("", (), "", tags)).encode() if tags else b""
            self._write(tagged + plain + b"\r\n")

    def _wants(self, tag: str) -> bool:
        return TAGGED.get(tag, "message-tags") in self.caps

    def _write(self, content: bytes) -> None:
        self.server.over.wait(self.script.slow)
        with suppress(OSError):
            if not self.script.drip:
                return self.connection.sendall(content)
            for byte in content:
                self.connection.sendall(bytes([byte]))
                self.server.over.wait(self.script.drip)
        return None

    def close(self, words: str) -> None:
        """As servers end a connection that they do not want: what it says from now on is not heard."""
        self.closing = True
        self.send(Line("ERROR", (words,)))
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def gone(self) -> None:
        """Tell the others."""
        for channel in self.channels.values():
            self.server.tell(channel, Line("QUIT", ("Connection closed",), self.source))

    def numeric(self, number: int, *params: str) -> None:
        self.send(Line(f"{number:03}", (self.nick, *params), NAME))

    # ------------------------------------------------------------ coming in

    def _cap(self, line: Line) -> None:
        if self.script.caps is None:
            return None
        asked = line.params[0].upper() if line.params else ""
        if asked in ("LS", "REQ"):
            self.negotiating = not self.welcomed
        if asked == "LS":
            return self._cap_ls()
        if asked == "REQ":
            names = line.last.split()
            good = all(name.removeprefix("-") in self.script.caps for name in names)
            if good:
                self.caps |= {name for name in names if not name.startswith("-")}
                self.caps -= {name[1:] for name in names if name.startswith("-")}
            return self.send(Line("CAP", (self.nick, "ACK" if good else "NAK", line.last), NAME))
        if asked == "END":
            self.negotiating = False
            return self._welcome()
        return self.send(Line("CAP", (self.nick, "LIST", " ".join(sorted(self.caps))), NAME))

    def _cap_ls(self) -> None:
        """In two lines, as it may be from version 302 on."""
        offered = [f"{name}={value}" if value else name for name, value in (self.script.caps or {}).items()]
        half = len(offered) // 2
        if half:
            self.send(Line("CAP", (self.nick, "LS", "*", " ".join(offered[:half])), NAME))
        self.send(Line("CAP", (self.nick, "LS", " ".join(offered[half:])), NAME))

    def _pass(self, line: Line) -> None:
        self.password = line.last

    def _user(self, line: Line) -> None:
        self.user = line.params[0]
        self._welcome()

    def _nick(self, line: Line) -> None:
        wanted, others = (
            line.last[: self.script.most_of_nick],
            {one.nick.lower() for one in self.server.sessions if one is not self},
        )
        if wanted in self.script.erroneous:
            return self.numeric(432, wanted, "Erroneous nickname")
        if wanted.lower() in others | {nick.lower() for nick in self.script.taken}:
            return self.numeric(433, wanted, "Nickname is already in use")
        if self.welcomed:
            self.send(Line("NICK", (wanted,), self.source))
            for channel in self.channels.values():
                self.server.tell(channel, Line("NICK", (wanted,), self.source), but=self)
        self.nick = wanted
        return self._welcome()

    def _welcome(self) -> None:
        if self.welcomed or self.negotiating or self.nick == "*" or not self.user or self.script.hangs:
            return None
        if self.script.banned:
            self.numeric(465, self.script.banned)
            return self.close("Closing Link: banned")
        if self.script.password != self.password and self.script.password:
            self.numeric(464, "Password incorrect")
            return self.close("Closing Link: bad password")
        self.welcomed = True
        given, self.nick = self.nick, self.script.renamed or self.nick
        self.numeric(1, f"Welcome {given}")
        self.numeric(4, NAME, "fake-1", "io", "bklov")
        tokens = (
            "CASEMAPPING=ascii",
            "CHANTYPES=#",
            "NETWORK=Fake",
            f"NICKLEN={self.script.most_of_nick}",
            f"CHATHISTORY={MOST}",
        )
        self.numeric(5, *tokens, "MSGREFTYPES=timestamp,msgid", "are supported by this server")
        return self.numeric(422, "MOTD File is missing")

    def _authenticate(self, line: Line) -> None:
        if not self.mechanism:
            self.mechanism = line.last.upper()
            if self.mechanism not in (self.script.caps or {}).get("sasl", "").split(","):
                self.mechanism = ""
                return self.numeric(904, "SASL authentication failed")
            return self.send(Line("AUTHENTICATE", ("+",)))
        self.mechanism, said = "", line.last
        _, account, password = (base64.b64decode(said).decode() if said != "+" else "\0\0").split("\0")
        if self.script.accounts.get(account, "") != password or not password:
            return self.numeric(904, "SASL authentication failed")
        self.account = account
        self.numeric(900, self.source, account, f"You are now logged in as {account}")
        return self.numeric(903, "SASL authentication successful")

    def _ping(self, line: Line) -> None:
        self.send(Line("PONG", (NAME, line.last), NAME))

    def _pong(self, line: Line) -> None:
        """Nothing."""

    def _quit(self, line: Line) -> None:
        self.close(f"Closing Link: {self.nick} (Quit: {line.last})")

    # ------------------------------------------------------------ channels

    def _join(self, line: Line) -> None:
        keys = dict(
            zip(line.params[0].split(","), line.params[1].split(",") if line.params[1:] else (), strict=False)
        )
        for channel in line.params[0].split(","):
            self._join_one(channel, keys.get(channel, ""))

    def _join_one(self, channel: str, key: str) -> None:
        refused = self.script.refused.get(channel)
        if refused is not None:
            return self.numeric(refused, channel, "Cannot join channel")
        if self.script.keys.get(channel, "") != key and channel in self.script.keys:
            return self.numeric(475, channel, "Cannot join channel (+k)")
        if channel in self.script.forwards:
            to = self.script.forwards[channel]
            self.numeric(470, channel, to, "Forwarding to another channel")
            return self._join_one(to, key)
        self.channels[channel.lower()] = channel
        self.server.tell(channel, Line("JOIN", (channel, self.account or "*", self.user), self.source))
        return self._tell_names(channel)

    def _tell_names(self, channel: str) -> None:
        inside = [one.nick for one in self.server.sessions if channel.lower() in one.channels]
        names = sorted({*inside, *self.server.people[channel.lower()]})
        self.numeric(353, "=", channel, " ".join(names))
        self.numeric(366, channel, "End of /NAMES list.")

    def _names(self, line: Line) -> None:
        self._tell_names(line.params[0])

    def _part(self, line: Line) -> None:
        for channel in line.params[0].split(","):
            if channel.lower() not in self.channels:
                self.numeric(442, channel, "You're not on that channel")
                continue
            self.server.tell(channel, Line("PART", (channel, *line.params[1:]), self.source))
            self.channels.pop(channel.lower())

    def _list(self, line: Line) -> None:
        inside = [name for one in self.server.sessions for name in one.channels.values()]
        for channel in sorted({*inside, *self.server.people}):
            self.numeric(322, channel, "1", "")
        self.numeric(323, "End of /LIST")

    def _mode(self, line: Line) -> None:
        self.numeric(324, line.params[0], "+nt")

    def _who(self, line: Line) -> None:
        self.numeric(315, line.params[0], "End of /WHO list")

    def _whois(self, line: Line) -> None:
        self.numeric(311, line.last, line.last, "client.example", "*", line.last)
        self.numeric(318, line.last, "End of /WHOIS list")

    # ------------------------------------------------------------ talk

    def _privmsg(self, line: Line) -> None:
        self._speak(line)

    def _notice(self, line: Line) -> None:
        self._speak(line)

    def _tagmsg(self, line: Line) -> None:
        """Nobody is told."""

    def _speak(self, line: Line) -> None:
        collected = self.batches.get(line.tags.get("batch", ""))
        if collected is not None:
            collected.append(line)
            return None
        target = line.params[0]
        if target.lower() == "nickserv" and self.script.nickserv:
            return self._ask_nickserv(line.last)
        if not target.startswith("#"):
            return self._speak_to(target, line)
        if target in self.script.mute or target.lower() not in self.channels:
            return self.numeric(404, target, self.script.mute.get(target, "Cannot send to channel"))
        return self._spread(Line(line.command, line.params, self.source, self._client_tags(line)))

    def _client_tags(self, line: Line) -> dict[str, str]:
        tags = {key: value for key, value in line.tags.items() if key.startswith("+")}
        return tags | ({"account": self.account} if self.account else {})

    def _spread(self, line: Line, pieces: tuple[tuple[str, bool], ...] = ()) -> None:
        label, self.label = self.label, ""
        spoken = self.server.spread(line, but=self, pieces=pieces)
        self.label = label
        if "echo-message" in self.caps:
            pastes.tell(self, spoken)

    def _speak_to(self, nick: str, line: Line) -> None:
        found = [one for one in self.server.sessions if one.nick.lower() == nick.lower()]
        if not found:
            return self.numeric(401, nick, "No such nick/channel")
        tags = {"msgid": f"m{next(self.server.numbers)}"}
        return found[0].send(Line(line.command, line.params, self.source, tags))

    def _ask_nickserv(self, text: str) -> None:
        command, *words = text.split()
        told = "Invalid password for your account."
        if command.upper() == "IDENTIFY" and words:
            account = words[0] if len(words) > 1 else self.nick
            if self.script.accounts.get(account) == words[-1]:
                self.account, told = account, f"You are now identified for {account}."
                self.numeric(900, self.source, account, f"You are now logged in as {account}")
        self.send(Line("NOTICE", (self.nick, told), "NickServ!NickServ@services.fake.example"))

    def _batch(self, line: Line) -> None:
        """draft/multiline: lines that are one message."""
        opening, name = line.params[0][0], line.params[0][1:]
        if opening == "+":
            self.batches[name] = [line]
            self._batch_label, self.label = self.label, ""  # it is answered at the end
            return None
        first, *lines = self.batches.pop(name, [line])
        self.label = self._batch_label
        if failed := pastes.failure(lines, self.script.multiline_lines, self.script.multiline_bytes):
            return self.send(Line("FAIL", ("BATCH", *failed), NAME))
        channel = first.params[2]
        if channel in self.script.mute or channel.lower() not in self.channels:
            return self.numeric(404, channel, self.script.mute.get(channel, "Cannot send to channel"))
        pieces = tuple((one.last, pastes.CONCAT in one.tags) for one in lines)
        said = pastes.whole(lines[0].command, channel, pieces, self.source, self._client_tags(first))
        return self._spread(said, pieces)

    def _chathistory(self, line: Line) -> None:
        about, target, *selectors = line.params
        told = self.server.history.get(target.lower())
        if told is None or target.lower() not in self.channels:
            words = ("CHATHISTORY", "INVALID_TARGET", about, target, "Messages could not be retrieved")
            return self.send(Line("FAIL", words, NAME))
        chosen, most = self._chosen(told, about.upper(), selectors), min(int(selectors[-1]), MOST)
        chosen = chosen[:most] if about.upper() in ("AFTER", "BETWEEN") else chosen[-most:]
        name = f"h{next(self.server.numbers)}"
        self.send(Line("BATCH", (f"+{name}", "chathistory", target), NAME))
        for spoken in chosen:
            pastes.tell(self, spoken, name)
        return self.send(Line("BATCH", (f"-{name}",), NAME))

    def _chosen(self, told: list[Spoken], about: str, selectors: list[str]) -> list[Spoken]:
        """As the selectors say: `*`, `timestamp=` or `msgid=`."""
        if about == "LATEST" and selectors[0] == "*":
            return told
        key, _, value = selectors[0].partition("=")
        places = (
            [
                number
                for number, one in enumerate(told)
                if one.tags()["time" if key == "timestamp" else "msgid"] <= value
            ]
            if key == "timestamp"
            else [number for number, one in enumerate(told) if one.id == value]
        )
        place = places[-1] if places else -1
        return told[:place] if about == "BEFORE" else told[place + 1 :]
