"""The operation of previews of links (docs/protocol.md). It needs a confirmed device."""

from copconnect.http.operations import Operation, post
from copconnect.links.service import LinkService

_BODY = 8 * 1024


def operations(service: LinkService) -> list[Operation]:
    """Return the row. The client never repeats the request: a preview is not worth a second."""
    return [post("/v1/link-previews", service.preview, "preview_link", most=_BODY, once=True)]
