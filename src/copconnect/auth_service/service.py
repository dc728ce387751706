"""The Authentication Service as ``app.py`` composes it: its parts and their lifecycle.

It states what it needs of other roles as Protocols (:mod:`copconnect.auth_service.ports`).
"""

from collections.abc import Callable

from copconnect.audit import Audit
from copconnect.auth_service.access import CachingAuthenticator
from copconnect.auth_service.accounts import Accounts
from copconnect.auth_service.administering import Administering
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.keys.authority import CertificateAuthority
from copconnect.auth_service.ports import AccountDirectory, Conduct, Memberships, OfficerCourse
from copconnect.auth_service.registration.gateway import HttpGateway, NoSms, SmsGateway
from copconnect.auth_service.registration.registration import Registration
from copconnect.auth_service.registration.sms import SmsSender
from copconnect.auth_service.registry import DeviceRegistry
from copconnect.auth_service.trust.administered import Administered
from copconnect.auth_service.trust.authenticators import Authenticators
from copconnect.auth_service.trust.cards import Cards
from copconnect.auth_service.trust.changes import Changes
from copconnect.auth_service.trust.confirming import Confirming
from copconnect.auth_service.trust.departments import Departments, TrustPublisher
from copconnect.auth_service.trust.endorsing import Endorsing
from copconnect.auth_service.trust.granting import Granting
from copconnect.auth_service.trust.incarnation import begin_incarnation, require_signed
from copconnect.auth_service.trust.locking import Endings, Locking
from copconnect.auth_service.trust.own_keys import OwnKeys
from copconnect.auth_service.trust.people_trust import PeopleTrustReader
from copconnect.auth_service.trust.revoking import Revoking
from copconnect.auth_service.trust.unconfirmed import Unconfirmed
from copconnect.auth_service.trust.verdicts.confirmers import Confirmers
from copconnect.auth_service.trust.verdicts.judging import Judge
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.leases import Leases
from copconnect.principals import Principal
from copconnect.settings import Settings

__all__ = [
    "AccountDirectory",
    "AuthService",
    "Conduct",
    "DeviceRegistry",
    "Memberships",
    "choose_gateway",
]

PRUNE_PERIOD_S = 600
LAPSE_PERIOD_S = 60
CARDS_PERIOD_S = 30


class NoGateway(Exception):
    """A server needs an SMS gateway for its OTPs."""


def choose_gateway(settings: Settings) -> SmsGateway:
    """Return the gateway that the settings name. Raises NoGateway."""
    if not settings.sms_gateway_url:
        raise NoGateway("set COPCONNECT_SMS_GATEWAY_URL, or run `make demo` to try it out")
    return HttpGateway(
        settings.sms_gateway_url, settings.sms_gateway_token, settings.sms_gateway_check_url
    )


class AuthService:
    """All parts of the Authentication Service."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        authority: CertificateAuthority,
        registry: DeviceRegistry,
        people: AccountDirectory,
        conduct: Conduct,
        training: OfficerCourse,
        memberships: Callable[[], Memberships],
        audit: Audit,
        gateway: SmsGateway | None,
        leases: Leases,
    ) -> None:
        self._leases = leases
        self.sms = SmsSender(gateway or NoSms(), clock)
        deps = self._deps = AuthDependencies(
            database, clock, settings, authority, people, memberships, audit
        )
        self.cards = Cards(database, clock, people, authority.roster)
        self.judge = Judge(clock, authority, registry.bundles)
        self.confirmers = Confirmers(deps)
        endings = Endings(deps, self.confirmers)
        self.authenticator = CachingAuthenticator(
            database, clock, people, conduct, training, endings
        )
        changes = Changes(deps, self.judge, self.confirmers)
        self.departments = Departments(deps, changes)
        self.trust = TrustPublisher(deps)
        self.people_trust = PeopleTrustReader(deps, registry.bundles, self.cards, self.confirmers)
        self.revoking = Revoking(deps, self.judge, self.cards, changes)
        self.endorsing = Endorsing(deps, self.judge, self.cards, changes, self.revoking)
        self.locking = Locking(deps, changes, self.revoking)
        self.granting = Granting(deps, self.judge, changes)
        self.own_keys = OwnKeys(deps)
        self.authenticators = Authenticators(deps)
        self.confirming = Confirming(deps)
        self.unconfirmed = Unconfirmed(deps)
        self.registration = Registration(deps, self.trust, self.cards, changes, self.sms)
        self.accounts = Accounts(deps, conduct, changes, self.confirmers, self.revoking, endings)
        self.administered = Administered(clock)
        self.administering = Administering(deps, self.accounts, self.revoking)
        self._lapsing = leases.periodic("certificates", self.accounts.lapse, LAPSE_PERIOD_S)
        self._following = leases.periodic("cards", self.cards.follow, CARDS_PERIOD_S)
        self._pruning = leases.periodic("accounts", self._prune, PRUNE_PERIOD_S)

    async def start(self) -> None:
        """Begin to send texts, store last-seen times and delete what expired."""
        await self.departments.start()
        await require_signed(self._deps)
        await self.sms.start()
        await self.authenticator.start()
        await self._pruning.start()
        await self._lapsing.start()
        await self._following.start()

    async def close(self) -> None:
        """Stop."""
        await self._following.close()
        await self._lapsing.close()
        await self._pruning.close()
        await self.authenticator.close()
        await self.sms.close()

    async def begin_incarnation(self, by: Principal) -> tuple[int, int]:
        """After a backup was restored or the roster authority was replaced, with the server
        stopped: see ``trust/incarnation.py``. Returns the incarnation's number, and how many people
        have records. Raises AuthorityMissing."""
        await self.departments.start()
        return await begin_incarnation(self._deps, by)

    async def _prune(self) -> None:
        await self.registration.prune()
        await self.accounts.prune()
        await self.confirming.prune()
        await self._leases.prune()
