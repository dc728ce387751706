"""HTTP routes of the Delivery Service (docs/protocol.md)."""

from typing import Annotated

import msgspec
from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from copconnect import errors, wire
from copconnect.delivery.posting import LOG_PAGE
from copconnect.delivery.service import DeliveryService
from copconnect.http import Gate, HttpRequest, answer, nothing, read
from copconnect.ids import CellId, ConversationId
