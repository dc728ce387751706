"""A whole server in a test's process, to talk to as to the roles alone."""

from typing import cast

import httpx

from copconnect.app import Container
from tests.identity.identity_server import IdentityServer
from tests.identity.running import Running, SentTexts


class Whole(Running):
    """A whole server in the test's process, with the same parts and more."""

    def __init__(self, whole: Container, http: httpx.AsyncClient, sent: SentTexts) -> None:
        super().__init__(cast(IdentityServer, whole), http, sent)
        self.whole = whole
