"""A force under the policy ``approval``: who may confirm whom."""

from dataclasses import dataclass

from copconnect.ids import PersonId
from copconnect.records.trust.endorsement import EndorsementKind
from tests.identity.running import CP, DGP, Device, MovedClock, Running
from tests.identity.signing import endorse, endorsement, give, grant, name_root_admin

OWN, ADMIN = EndorsementKind.OWN_DEVICE, EndorsementKind.ADMIN


@dataclass
class Force:
    """A root admin (DGP), and an admin (CP) with a grant over the commissionerate."""

    root: Device
    admin: Device
    path: str


async def path_of(running: Running, device: Device) -> str:
    async with running.container.database.reading() as connection:
        people = [PersonId(device.person_id)]
        plates = await running.container.directory.plates(connection, people)
    (plate,) = plates.values()
    return plate.path


async def appoint(approving: Running, clock: MovedClock) -> Force:
    """Register both, and let a department record and a grant name them."""
    root, admin = await approving.device(DGP), await approving.device(CP)
    clock.ms += 1000
    await name_root_admin(approving, root)
    clock.ms += 1000
    made = endorsement(approving, admin, root, ADMIN)
    assert (await endorse(approving, root, made)).status_code == 204
    path = await path_of(approving, admin)
    clock.ms += 1000
    assert (await give(approving, root, grant(approving, root, admin, path))).is_success
    clock.ms += 1000
    return Force(root, admin, path)
