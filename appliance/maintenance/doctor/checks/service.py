"""The service: a real token, and a real session with a moment of silence."""

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.network_errors import Cause
from appliance.maintenance.doctor.checks.network import told
from appliance.maintenance.doctor.checks.running_appliance import RunningAppliance
from appliance.maintenance.doctor.result import CheckResult, fine, not_tried
from appliance.settings import secrets
from appliance.settings.schema import ServiceSettings
from appliance.streaming.messages import (
    TERMINATE,
    Begin,
    Message,
    ServiceError,
    Termination,
    decode,
)
from appliance.streaming.outcomes import Outcome
from appliance.streaming.tokens import TokenError, TokenSource
from appliance.streaming.transport import Transport

STORES = (Path("/etc/credstore"), Path("/run/credstore"), Path("/usr/lib/credstore"))
"""Where systemd looks for credentials (systemd.exec(5), `LoadCredential=`)."""

SILENCE = 5
"""Frames of a tenth of a second."""

FRAME_BYTES = SAMPLE_RATE // 10 * SAMPLE_BYTES

ANSWER_TIME = 3.0
"""Seconds for `Begin`, and again for `Termination`."""

GOODBYE = 1.0
"""Seconds for the service to close behind its `Termination`."""

OF_THE_FALLBACK = "check fallback_url, or that service"

REFUSED = (401, 403)
"""HTTP statuses for a key or secret that is wrong or missing."""

_TO_THE_DOCTOR = "run: appliance doctor"
"""What the OLED says where there is more to say than fits on it; here it leads nowhere."""

_AT_THE_FALLBACK = {
    _TO_THE_DOCTOR: OF_THE_FALLBACK,
    "check the network": OF_THE_FALLBACK,
    "check Wi-Fi or cable": OF_THE_FALLBACK,
    "check address and key": OF_THE_FALLBACK,
    "check service url": "check fallback_url",
}
"""What the OLED says of any service, and what it comes to here: the first one may be well."""


class _Credential(NamedTuple):
    """What opens the way to a token: how it is called, and where it is put."""

    what: str
    field: str
    name: str
    option: str
    on_the_card: str


_KEY = _Credential("API key", "api_key_file", secrets.API_KEY, "--api-key-file", "api_key")

_SECRET = _Credential(
    "secret", "token_secret_file", secrets.TOKEN_SECRET, "--token-secret-file", "token_secret"
)

_FILES = {
    _KEY.field: _KEY.name,
    _SECRET.field: _SECRET.name,
    "fallback_token_secret_file": secrets.FALLBACK_TOKEN_SECRET,
}
"""The settings that name a file, and the credential of systemd's that stands in for it."""


class ServiceCheck:
    """What anybody who transcribes must do first: fetch a token, and open a session with it.

    Args:
        settings: where the service is, and what it wants.
        observe: tells which appliance runs on this box now.
        stores: folders where systemd finds the key and secrets that it gives the service.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        observe: Callable[[], RunningAppliance | None],
        stores: Sequence[Path] = STORES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = _with_credentials(settings, stores)
        self._observe = observe
        self._clock = clock
        self._given = settings
        self._named = getattr(settings, _credential_of(settings).field)
        self._stores = stores
        self._token = ""

    def fetch_token(self) -> CheckResult:
        """Tell whether a token is to be had."""
        began_at = self._clock()
        try:
            self._token = TokenSource(self._settings).fetch()
        except TokenError as refusal:
            ending = refusal.outcome
            refused = ending.cause is Cause.NO_KEY or ending.code in REFUSED
            if refused and self._is_kept_back(self._named):
                return not_tried("only root may read the key or secret", "try with sudo")
            return _advised(told(ending), {_TO_THE_DOCTOR: self._put_in_anew()})
        source = "the token server" if self._settings.token_url else "the service, for the API key,"
        return fine(f"{source} gave one in {self._clock() - began_at:.1f} s")

    def hold_session(self) -> CheckResult:
        """Tell whether a session opens, and ends as it should."""
        resident = self._observe()
        if resident and resident.in_session:
            return not_tried("a session goes on, or may: it is left alone")
        found = TrialSession(self._settings, self._token, self._clock).hold()
        with_token_server = "see that the token server has the right API key"
        remedy = with_token_server if self._settings.token_url else self._put_in_anew()
        return _advised(found, {_TO_THE_DOCTOR: remedy})

    def try_fallback(self) -> CheckResult:
        """Tell whether a session opens at the service to fall back on, and ends as it should."""
        resident = self._observe()
        if resident and resident.in_session:
            return not_tried("a session goes on, or may: it is left alone")
        there = msgspec.structs.replace(self._settings, url=self._settings.fallback_url)
        try:
            token = TokenSource(self._settings, fallback=True).fetch()
        except TokenError as refusal:
            return self._without_fallback_token(refusal.outcome)
        return _advised(TrialSession(there, token, self._clock).hold(), _AT_THE_FALLBACK)

    def _without_fallback_token(self, ending: Outcome) -> CheckResult:
        given = self._given
        files = given.fallback_token_secret_file, given.token_secret_file
        if ending.code in REFUSED and self._is_kept_back(*files):
            return not_tried("only root may read the secret", "try with sudo")
        found = self._settings.fallback_token_secret_file
        secret = f"put the right secret into {found}" if found else "set fallback_token_secret_file"
        address = "fallback_token_url" if given.fallback_token_url else "fallback_url"
        remedies = {
            _TO_THE_DOCTOR: secret,
            "put in the right one": secret,
            "check token_url": f"check {address}",
            "check token server": f"check {address}",
        }
        return _advised(told(ending), _AT_THE_FALLBACK | remedies)

    def _is_kept_back(self, first: str, *others: str) -> bool:
        """Tell whether there may be a key or secret that this user can't read.

        Where the file that goes `first` is readable, nothing else is looked for.
        """
        places = (first, *others, *map(str, self._stores))
        return not os.access(first, os.R_OK) and any(
            os.access(place, os.F_OK) and not os.access(place, os.R_OK) for place in places
        )

    def _put_in_anew(self) -> str:
        """Return how the right key or secret comes to where this one is."""
        credential = _credential_of(self._settings)
        if self._named:
            return f"put the right {credential.what} into {self._named}"
        return (
            f"put in the right {credential.what}: sudo ./scripts/install {credential.option} FILE,"
            f" or {credential.on_the_card} on the SD card"
        )


class TrialSession:
    """A session in which nobody says anything.

    Args:
        settings: where the service is.
        token: opens it.
        clock: monotonic seconds.
    """

    def __init__(
        self, settings: ServiceSettings, token: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        # Unbounded: the service has nothing to say about silence. None: nothing more comes.
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._refusal = ServiceError()
        self._opened_at = 0.0
        self._missed = ""
        self._ended_properly = False
        self._connection = Transport(settings, token, self)
        self._guest = threading.Thread(target=self._be_silent, name="doctor's session")

    def hold(self) -> CheckResult:
        """Open the session, say nothing for a moment, end it, and tell how that went."""
        asked_at = self._clock()
        ending = self._connection.run()
        self._messages.put(None)
        if self._guest.ident is not None:
            self._guest.join()
        if self._ended_properly:
            opened_in = self._opened_at - asked_at
            return fine(f"a session opened in {opened_in:.1f} s, and was ended properly")
        return told(self._explained(ending), self._missed)

    def opened(self) -> None:
        """Begin to be silent (`on_open`)."""
        self._opened_at = self._clock()
        self._guest.start()

    def received(self, frame: str | bytes) -> None:
        """Take one message (`on_message`)."""
        message = decode(frame)
        if isinstance(message, ServiceError):
            self._refusal = message
        elif message is not None:
            self._messages.put(message)

    def _be_silent(self) -> None:
        for _ in range(SILENCE):
            self._connection.send_audio(bytes(FRAME_BYTES))
            self._connection.ended.wait(0.1)
        began = self._comes(Begin)
        self._connection.send_message(TERMINATE)
        self._ended_properly = began and self._comes(Termination)
        if not self._connection.ended.wait(GOODBYE):
            self._connection.abort()

    def _comes(self, kind: type[Message]) -> bool:
        """Wait for a message of this kind; tell whether it came."""
        deadline = self._clock() + ANSWER_TIME
        try:
            while message := self._messages.get(timeout=max(0.0, deadline - self._clock())):
                if isinstance(message, kind):
                    return True
        except queue.Empty:
            self._missed = f"the service never said {kind.__name__}"
        return False

    def _explained(self, ending: Outcome) -> Outcome:
        """Return the ending with what the service's `Error` said, where the close says less."""
        text = ending.text or self._connection.without_token(self._refusal.error)[:120]
        if ending.code is None and self._refusal.code is not None:
            return Outcome(ending.stage, self._refusal.code, text)
        return Outcome(ending.stage, ending.code, text, ending.cause)


def _credential_of(settings: ServiceSettings) -> _Credential:
    return _SECRET if settings.token_url else _KEY


def _advised(finding: CheckResult, remedies: Mapping[str, str]) -> CheckResult:
    """Return the finding with what its remedy comes to here."""
    return msgspec.structs.replace(finding, remedy=remedies.get(finding.remedy, finding.remedy))


def _with_credentials(settings: ServiceSettings, stores: Sequence[Path]) -> ServiceSettings:
    """Return the settings with files for what systemd gives the service: the key and the secrets.

    As there, the file that the settings name goes first, if there is anything to read in it.
    """
    found = {field: _file(getattr(settings, field), name, stores) for field, name in _FILES.items()}
    return msgspec.structs.replace(settings, **found)


def _file(named: str, name: str, stores: Sequence[Path]) -> str:
    places = [named, *(str(store / name) for store in stores)]
    return next((place for place in places if os.access(place, os.R_OK)), named)
