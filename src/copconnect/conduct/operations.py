"""Operations of the code of conduct and of the guard."""

from copconnect.conduct.guard.serving import GuardService
from copconnect.conduct.service import ConductService
from copconnect.http.operations import Operation, get, post
from copconnect.principals import Requirement

_FIRST = {Requirement.CONDUCT}


def operations(service: ConductService, guard: GuardService) -> list[Operation]:
    """Return the rows."""
    return [
        get("/v1/conduct", service.code, "conduct", tolerates=_FIRST, confirmed=False),
        post(
            "/v1/conduct/acceptances",
            service.accept,
            "accept_conduct",
            tolerates=_FIRST,
            confirmed=False,
        ),
        get("/v1/guard", guard.guard, confirmed=False),
        get("/v1/guard/weights", guard.weights, "guard_weights", confirmed=False),
        get("/v1/guard/pictures", guard.picture_changes, "guard_pictures", confirmed=False),
    ]
