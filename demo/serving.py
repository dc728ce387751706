"""The server of a demo: Cop Connect with the SMS outbox in place of a gateway."""

from copconnect.app import Container, create_app
from copconnect.commands.serving import Program
from copconnect.http.client_concurrency import ClientConcurrency
from copconnect.settings import Settings
from demo import outbox_routes
from demo.outbox import Outbox


def compose(settings: Settings) -> tuple[Container, ClientConcurrency]:
    """Build the server. Raises AuthorityMissing."""
    outbox = Outbox(settings.data_dir)
    container = Container(settings, gateway=outbox)
    return container, create_app(settings, container, outbox_routes.operations(outbox))


DEMO = Program("demo", compose)
