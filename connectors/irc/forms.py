"""The form by which an IRC account is linked."""

from __future__ import annotations

import re
import ssl
import tempfile
from typing import Any, Final

from django import forms

from connectors.base import Identity, Login
from connectors.errors import LoginRejected, RetryLater
from connectors.forms import CertificateField, CredentialsForm
from connectors.irc import errands
from connectors.irc.link import Link
from connectors.irc.who import place_of, server_of

# libera.chat/guides/connect and oftc.net, 2026-11.
NETWORKS: Final = {"libera": "ircs://irc.libera.chat:6697", "oftc": "ircs://irc.oftc.net:6697"}
OWN: Final = "own"
NICK: Final = re.compile(r"[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]{0,29}")  # RFC 2812, 2.3.1
_PLAIN, _SEALED = "irc://", "ircs://"
# What to do about a connection that did not come about, by the words that tell of it.
HINTS: Final = (
    (re.compile(r"not known to the name service"), "Check how it is spelt."),
    (re.compile(r"refused the connection"), "Check the port: 6697 is usual with TLS, 6667 without."),
    (re.compile(r"no secure connection"), "Perhaps no TLS is spoken at this port: 6697 is usual for it."),
    (
        re.compile(r"could not be verified"),
        "If the server has a certificate of its own making, enter it under “CA certificate”.",
    ),
    (
        re.compile(r"did not \w+"),
        "Check address and port (6697 is usual with TLS, 6667 without), or try again later.",
    ),
    (
        re.compile(r"broke (the connection )?off"),
        "Perhaps it takes only connections with TLS, or only others.",
    ),
)


class SecretText(forms.PasswordInput):
    """Several lines that are never shown again."""

    template_name = "django/forms/widgets/textarea.html"


class IrcCredentialsForm(CredentialsForm):
    """A network, a nick, and what proves that it is ours, where the network asks for that."""

    network = forms.ChoiceField(
        label="Network",
        choices=[("libera", "Libera.Chat"), ("oftc", "OFTC"), (OWN, "Another one")],
        help_text="For another one, type its server below.",
    )
    server = forms.CharField(
        label="Server",
        max_length=200,
        required=False,
        help_text="Such as irc.example.org, or irc.example.org:6697. Not for the networks named above.",
    )
    nick = forms.CharField(
        label="Nick",
        max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="The name that Sameroom has in the channels. Not the one you use yourself.",
    )
    account = forms.CharField(
        label="Account",
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="The nick that is registered with NickServ, where it is another one.",
    )
    password = forms.CharField(
        label="Password",
        max_length=300,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="The one that was given to NickServ. Leave it out where the nick is not registered.",
    )
    channel = forms.CharField(
        label="A channel to try",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Such as #room, or #room and its key. It is joined once, to see that it lets Sameroom in.",
    )
    realname = forms.CharField(
        label="Real name",
        max_length=100,
        required=False,
        help_text="What people read who ask who this is: say who runs it and why.",
    )
    plain = forms.BooleanField(
        label="Without TLS",
        required=False,
        help_text="For servers that know no TLS: then everything, the password too, can be read on the way.",
    )
    lines_per_second = forms.FloatField(
        label="Lines per second",
        required=False,
        min_value=0.1,
        max_value=1000,
        help_text="Only where the network has lifted its flood control for Sameroom; else it is cut off.",
    )
    server_password = forms.CharField(
        label="Password of the server",
        max_length=300,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Private servers and bouncers ask for one (PASS).",
    )
    certificate = forms.CharField(
        label="Client certificate",
        max_length=65_536,
        required=False,
        widget=SecretText(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
        help_text="Instead of the password: one that NickServ knows, with its private key (SASL EXTERNAL).",
    )
    ca_certificate = CertificateField()
    renewed = ("account", "realname", "ca_certificate", "lines_per_second")
    folded = ("realname", "plain", "server_password", "certificate", "ca_certificate", "lines_per_second")

    def clean_nick(self) -> str:
        nick = str(self.cleaned_data["nick"])
        if not NICK.fullmatch(nick):
            raise forms.ValidationError(
                "A nick has letters without accents, digits and the signs - _ [ ] { } \\ | ` ^ only. It does "
                "not begin with a digit or with -."
            )
        return nick

    def clean_account(self) -> str:
        account = str(self.cleaned_data["account"])
        if re.search(r"\s", account):
            raise forms.ValidationError("The name of an account has no blanks.")
        return account

    def clean_password(self) -> str:
        return self._one_line("password")

    def clean_server_password(self) -> str:
        return self._one_line("server_password")

    def _one_line(self, name: str) -> str:
        value = str(self.cleaned_data[name])
        if re.search(r"[\r\n\0]", value):
            raise forms.ValidationError("A password has no line breaks.")
        return value

    def clean_realname(self) -> str:
        return " ".join(str(self.cleaned_data["realname"]).split())

    def clean_certificate(self) -> str:
        pem = str(self.cleaned_data["certificate"]).strip()
        if pem and not _is_pair(pem):
            raise forms.ValidationError(
                "This is no certificate with its key. Enter both: the text from BEGIN to END of the "
                "certificate, and the text from BEGIN to END of its private key, without a passphrase."
            )
        return f"{pem}\n" if pem else ""

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if not self.errors and given["network"] == OWN and not given["server"]:
            self.add_error("server", "Type the address of the network's server.")
        if not self.errors and given["network"] != OWN and given["plain"]:
            self.add_error("plain", "This network has TLS. Leave the box empty.")
        if not self.errors:
            self._check_address(given)
        return super().clean()

    def _check_address(self, given: dict[str, Any]) -> None:
        try:
            place = place_of(_address(given))
        except LoginRejected as error:
            self.add_error("server", str(error))
            return
        if given["certificate"] and not place.encrypted:
            self.add_error("certificate", "A certificate is shown by TLS only. Leave one of the two out.")

    def login(self, cleaned: dict[str, Any]) -> Login:
        """Every credential is there, "" for what was left out."""
        names = ("network", "nick", "account", "password", "server_password", "certificate", "realname")
        credentials = {name: cleaned[name] for name in (*names, "ca_certificate")}
        credentials["lines_per_second"] = str(cleaned["lines_per_second"] or "")
        return Login(server=server_of(place_of(_address(cleaned))), credentials=credentials)

    def verify(self, login: Login) -> Identity:
        """All by one connection, as networks do not like several at once; with the channel that was typed."""
        try:
            return errands.run(login, self._tried)
        except RetryLater as error:
            hint = next((f" {hint}" for words, hint in HINTS if words.search(str(error))), "")
            raise RetryLater(f"{error}{hint}") from error

    async def _tried(self, link: Link) -> Identity:
        identity = await errands.identity(link)
        longest = link.support.nick_length
        if not self.known and 0 < longest < len(link.who.nick):  # some cut it off without a word
            raise LoginRejected(f"Nicks of this network have at most {longest} signs. Choose a shorter one.")
        # A nick of ours that is in use can be taken back; that of a login that is renewed is in use by us.
        if not (link.account or self.known or link.is_me(link.who.nick)):
            raise LoginRejected(
                f"Somebody has the nick {link.who.nick} on this network, or it is kept for its owner. Choose "
                "another one, or enter the password that belongs to it."
            )
        if channel := str(self.cleaned_data["channel"]):
            await errands.enter(link, channel)
        return identity


def _address(given: dict[str, Any]) -> str:
    """Where the login leads, as what was typed says: with TLS, unless somebody chose otherwise."""
    if given["network"] in NETWORKS:
        return NETWORKS[given["network"]]
    typed = str(given["server"]).strip().rstrip("/")
    if typed.startswith((_PLAIN, _SEALED)):
        return typed
    return f"{_PLAIN if given['plain'] else _SEALED}{typed}"


def _is_pair(pem: str) -> bool:
    """Whether the text holds a certificate and the private key that belongs to it."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # the library loads from files alone
        file.write(f"{pem}\n")
        file.flush()
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(file.name, password=lambda: "")
        except (ssl.SSLError, OSError, ValueError):
            return False
    return True
