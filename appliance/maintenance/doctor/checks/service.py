"""Checks of the service: a token, a trial session, and the same at the fallback."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from appliance.core.network_errors import Cause
from appliance.maintenance.doctor.appliance_status import RunningAppliance
from appliance.maintenance.doctor.checks.network import TLS, TOKEN_TLS, Peer
from appliance.maintenance.doctor.context import NEEDS_SETTINGS, Context
from appliance.maintenance.doctor.result import CheckResult, failed_with, fine, not_tried
from appliance.maintenance.doctor.runner import Check
from appliance.maintenance.doctor.trial_session import ANSWER_TIMEOUT, TrialSession
from appliance.settings import secrets
from appliance.settings.schema import ServiceSettings
from appliance.streaming.outcomes import Outcome
from appliance.streaming.tokens import TokenError, TokenSource

REFUSED = (401, 403)
"""HTTP statuses for a key or secret that is wrong or missing."""

_CHECK_FALLBACK = "check fallback_url, or that service"

_RUN_DOCTOR = "run: appliance doctor"
"""What the screen says if the remedy does not fit on it; here it leads nowhere."""

_FALLBACK_REMEDIES = {
    _RUN_DOCTOR: _CHECK_FALLBACK,
    "check the network": _CHECK_FALLBACK,
    "check Wi-Fi or cable": _CHECK_FALLBACK,
    "check address and key": _CHECK_FALLBACK,
    "check service url": "check fallback_url",
}
"""What the screen says of any service, and the remedy for the fallback."""


class _Credential(NamedTuple):
    """Key or secret that tokens are fetched with: its name, and where it can be put."""

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
"""Settings that name a file, each with the systemd credential that can replace it."""


def checks(context: Context) -> Iterator[Check]:
    """Yield the checks of the token, of a session, and of the fallback if there is one."""
    settings = context.settings.service
    service = ServiceCheck(settings, context.observe, context.machine.stores)
    yield Check(
        "token",
        service.fetch_token,
        time_limit=8,
        overdue_remedy="check the network",
        needs={TOKEN_TLS if Peer.token_server(settings) else TLS: "nobody to fetch it from"},
    )
    yield Check(
        "session",
        service.hold_session,
        time_limit=10,
        overdue_remedy="check the network",
        needs={TLS: "no service to open it at", "token": "no token"},
    )
    if settings.fallback_url:
        yield Check(
            "fallback",
            service.try_fallback,
            time_limit=15,
            overdue_remedy=_CHECK_FALLBACK,
            needs=NEEDS_SETTINGS,
        )


class ServiceCheck:
    """Fetches a token and holds a session, as the appliance would.

    Args:
        settings: where the service is, and what it needs.
        observe: returns the appliance that runs at this moment.
        stores: folders where systemd finds the key and the secrets of the service.
        clock: monotonic seconds.
        answer_timeout: seconds for the service to begin a session, and again to terminate it.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        observe: Callable[[], RunningAppliance | None],
        stores: Sequence[Path],
        clock: Callable[[], float] = time.monotonic,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        self._settings = _with_credentials(settings, stores)
        self._observe = observe
        self._clock = clock
        self._answer_timeout = answer_timeout
        self._given = settings
        self._given_file = getattr(settings, _credential_of(settings).field)
        self._stores = stores
        self._token = ""

    def fetch_token(self) -> CheckResult:
        """Check that there is a token."""
        began_at = self._clock()
        try:
            self._token = TokenSource(self._settings).fetch()
        except TokenError as error:
            outcome = error.outcome
            refused = outcome.cause is Cause.NO_KEY or outcome.code in REFUSED
            if refused and self._may_be_unreadable(self._given_file):
                return not_tried("only root may read the key or secret", "try with sudo")
            return _advised(failed_with(outcome), {_RUN_DOCTOR: self._how_to_replace()})
        source = "the token server" if self._settings.token_url else "the service, for the API key,"
        return fine(f"{source} gave one in {self._clock() - began_at:.1f} s")

    def hold_session(self) -> CheckResult:
        """Check that a session opens, and ends as it should."""
        at_token_server = "see that the token server has the right API key"
        remedy = at_token_server if self._settings.token_url else self._how_to_replace()
        result = self._try_session(self._settings, self._token)
        return _advised(result, {_RUN_DOCTOR: remedy})

    def try_fallback(self) -> CheckResult:
        """Check that a session opens at the fallback service, and ends as it should."""
        if self._is_in_session():
            return _IN_SESSION
        fallback = replace(self._settings, url=self._settings.fallback_url)
        try:
            token = TokenSource(self._settings, fallback=True).fetch()
        except TokenError as error:
            return self._without_fallback_token(error.outcome)
        return _advised(self._try_session(fallback, token), _FALLBACK_REMEDIES)

    def _try_session(self, settings: ServiceSettings, token: str) -> CheckResult:
        if self._is_in_session():
            return _IN_SESSION
        return TrialSession(settings, token, self._clock, self._answer_timeout).run()

    def _is_in_session(self) -> bool:
        appliance = self._observe()
        return appliance is not None and appliance.in_session

    def _without_fallback_token(self, outcome: Outcome) -> CheckResult:
        given = self._given
        files = given.fallback_token_secret_file, given.token_secret_file
        if outcome.code in REFUSED and self._may_be_unreadable(*files):
            return not_tried("only root may read the secret", "try with sudo")
        found = self._settings.fallback_token_secret_file
        secret = f"put the right secret into {found}" if found else "set fallback_token_secret_file"
        address = "fallback_token_url" if given.fallback_token_url else "fallback_url"
        remedies = {
            _RUN_DOCTOR: secret,
            "put in the right one": secret,
            "check token_url": f"check {address}",
            "check token server": f"check {address}",
        }
        return _advised(failed_with(outcome), _FALLBACK_REMEDIES | remedies)

    def _may_be_unreadable(self, first: str, *others: str) -> bool:
        """Return whether there may be a key or secret that this user can't read.

        If the file that comes first is readable, the others do not matter.
        """
        places = (first, *others, *map(str, self._stores))
        return not os.access(first, os.R_OK) and any(
            os.access(place, os.F_OK) and not os.access(place, os.R_OK) for place in places
        )

    def _how_to_replace(self) -> str:
        """Return how to replace the key or secret."""
        credential = _credential_of(self._settings)
        if self._given_file:
            return f"put the right {credential.what} into {self._given_file}"
        return (
            f"put in the right {credential.what}: sudo ./scripts/install {credential.option} FILE,"
            f" or {credential.on_the_card} on the SD card"
        )


_IN_SESSION = not_tried("a session goes on, or may: it is left alone")


def _credential_of(settings: ServiceSettings) -> _Credential:
    return _SECRET if settings.token_url else _KEY


def _advised(result: CheckResult, remedies: Mapping[str, str]) -> CheckResult:
    """Return the result with its remedy replaced by a better one, if there is one."""
    return replace(result, remedy=remedies.get(result.remedy, result.remedy))


def _with_credentials(settings: ServiceSettings, stores: Sequence[Path]) -> ServiceSettings:
    """Return the settings with the files from which systemd gives the service its secrets.

    As in the service, a readable file that the settings name goes first.
    """
    found = {field: _file(getattr(settings, field), name, stores) for field, name in _FILES.items()}
    return replace(settings, **found)


def _file(named: str, name: str, stores: Sequence[Path]) -> str:
    places = [named, *(str(store / name) for store in stores)]
    return next((place for place in places if os.access(place, os.R_OK)), named)
