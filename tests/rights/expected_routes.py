"""Every HTTP route of the app, and the rule that says who may use it.

A route without a line fails the test by name. A line names a rule of ``rules.py``. The request that
the test sends is ``examples.py``'s; by default it has the least body that the route takes, about
the person, the group and the attachment of ``world.py``.
"""

from tests.rights.rules import (
    ACCEPTED,
    ACCOUNTS,
    ADMINS,
    EVERYBODY,
    GROUP_ADMINS,
    HERE,
    HRMS,
    MEMBERS,
    MEMBERS_AND_UPLOADER,
    MEMBERS_IN_VAIN,
    NOBODY_ELSE_UNCONFIRMED,
    NOBODY_FROM_OUTSIDE,
    OFFICERS,
    OPERATORS,
    UPLOADER,
    A,
    Rule,
)

ROUTES: dict[str, Rule] = {
    # The web app, and what it needs before anybody signs in. Nothing in it is about a person.
    "GET /": EVERYBODY,
    "GET /{path}": EVERYBODY,
    "GET /config.json": EVERYBODY,
    "GET /healthz": EVERYBODY,
    "GET /v1/trust": EVERYBODY,
    # Registration. A number, a code, a ticket and a device's key prove more with each step.
    "POST /v1/registration/numbers": EVERYBODY,
    "POST /v1/registration/codes": EVERYBODY,
    "POST /v1/registration/enrolment-codes": EVERYBODY,
    "POST /v1/registration/status": EVERYBODY,
    "POST /v1/registration/clients": EVERYBODY,
    # The description of this interface.
    "GET /v1/schema": EVERYBODY,
    "GET /v1/schema/{path}": EVERYBODY,
    "GET /v1/schema/elements": EVERYBODY,
    "GET /v1/schema/oauth2-redirect.html": EVERYBODY,
    "GET /v1/schema/openapi.json": EVERYBODY,
    "GET /v1/schema/openapi.yaml": EVERYBODY,
    "GET /v1/schema/openapi.yml": EVERYBODY,
    "GET /v1/schema/rapidoc": EVERYBODY,
    "GET /v1/schema/redoc": EVERYBODY,
    "GET /v1/schema/swagger": EVERYBODY,
    # Programs: the doctor, monitoring on this machine, the HRMS.
    "POST /v1/operator/request": OPERATORS,
    "GET /metrics": NOBODY_FROM_OUTSIDE,
    "GET /scim/v2": HRMS,
    "POST /scim/v2": HRMS,
    "PUT /scim/v2": HRMS,
    "PATCH /scim/v2": HRMS,
    "DELETE /scim/v2": HRMS,
    "GET /scim/v2/{path}": HRMS,
    "POST /scim/v2/{path}": HRMS,
    "PUT /scim/v2/{path}": HRMS,
    "PATCH /scim/v2/{path}": HRMS,
    "DELETE /scim/v2/{path}": HRMS,
    # One's own account, from the first minute on.
    "GET /v1/me": ACCOUNTS,
    "GET /v1/conduct": ACCOUNTS,
    "POST /v1/conduct/acceptances": ACCOUNTS,
    "PUT /v1/device-keys": ACCOUNTS,
    "POST /v1/time": ACCOUNTS,
    "POST /v1/sign-out": ACCOUNTS,
    # One's own device, while it waits to be confirmed. Records that it signs count for nothing.
    "POST /v1/certificates": ACCEPTED,
    "POST /v1/people/trust": ACCEPTED,
    "POST /v1/endorsements": ACCEPTED,
    "POST /v1/revocations": ACCEPTED,
    "GET /v1/unconfirmed": ACCEPTED,
    "GET /v1/confirmations": ACCEPTED,
    "POST /v1/confirmations/{confirmation_id}/answer": ACCEPTED,
    "POST /v1/confirmations/{confirmation_id}/reveal": ACCEPTED,
    "DELETE /v1/confirmations/{confirmation_id}": ACCEPTED,
    "POST /v1/confirmations": OFFICERS,
    # Another person's device, which no officer and no admin renames or signs out by these routes.
    "DELETE /v1/clients/{client_id}": NOBODY_ELSE_UNCONFIRMED,
    "PUT /v1/clients/{client_id}/label": NOBODY_ELSE_UNCONFIRMED,
    # Records that a device signed, for those who may revoke it.
    "GET /v1/devices/{device}/made": HERE,
    "GET /v1/grants": OFFICERS,
    # The directory: every officer finds every officer.
    "GET /v1/directory": OFFICERS,
    "GET /v1/people": OFFICERS,
    "GET /v1/people/{person_id}": OFFICERS,
    "POST /v1/people/lookups": OFFICERS,
    "GET /v1/units/{unit_id}/chain": OFFICERS,
    # Conversations.
    "GET /v1/conversations": OFFICERS,
    "POST /v1/conversations": OFFICERS,
    "GET /v1/conversations/{c}": MEMBERS,
    "GET /v1/conversations/{c}/members": MEMBERS,
    "POST /v1/conversations/{c}/members": GROUP_ADMINS,
    "PUT /v1/conversations/{c}/policy": GROUP_ADMINS,
    "PUT /v1/conversations/{c}/preferences": MEMBERS,
    "GET /v1/conversations/{c}/receipts": MEMBERS,
    "GET /v1/conversations/{c}/head": MEMBERS,
    "GET /v1/conversations/{c}/heads/{epoch}": MEMBERS,
    "POST /v1/conversations/{c}/proofs": MEMBERS,
    "GET /v1/conversations/{c}/cells": MEMBERS,
    "GET /v1/conversations/{c}/cells/own": MEMBERS,
    "GET /v1/conversations/{c}/cells/{k}": MEMBERS,
    "GET /v1/conversations/{c}/cells/own/keys": MEMBERS,
    "POST /v1/conversations/{c}/cells/own/keys": MEMBERS,
    "POST /v1/conversations/{c}/cells/own/marks": MEMBERS_IN_VAIN,  # The group's cell has no key.
    "POST /v1/conversations/{c}/messages": MEMBERS,
    "GET /v1/conversations/{c}/log": MEMBERS,
    "GET /v1/conversations/{c}/chain": MEMBERS,
    "POST /v1/conversations/{c}/keys": MEMBERS,
    "GET /v1/conversations/{c}/keys": MEMBERS,
    "POST /v1/conversations/{c}/share-requests": MEMBERS,
    "POST /v1/conversations/{c}/share-requests/done": OFFICERS,  # Forgets the caller's own alone.
    "POST /v1/conversations/{c}/shares": MEMBERS,
    "GET /v1/conversations/{c}/shares": MEMBERS,
    # Attachments: of the head, shared to the group, not posted yet.
    "POST /v1/attachments": MEMBERS,
    "GET /v1/attachments/usage": OFFICERS,
    "GET /v1/attachments/{a}": MEMBERS_AND_UPLOADER,
    "PUT /v1/attachments/{a}/chunks/{i}": UPLOADER,
    "GET /v1/attachments/{a}/chunks/{i}": MEMBERS_AND_UPLOADER,
    "POST /v1/attachments/{a}/shares": MEMBERS_AND_UPLOADER,
    "DELETE /v1/attachments/{a}": UPLOADER,
    # Pushes to one's own device.
    "GET /v1/push/key": OFFICERS,
    "PUT /v1/push/subscription": OFFICERS,
    "DELETE /v1/push/subscription": OFFICERS,
    # Administration. An admin reads about their own part of the tree; the acts have a table of
    # their own (expected_acts.py), of which these two routes take one about the station.
    "POST /v1/admin/acts": HERE,
    "POST /v1/admin/previews": HERE.showing(A.ADMIN, A.ROOT),
    "GET /v1/admin/acts": OFFICERS.showing(A.ADMIN, A.ROOT),
    "GET /v1/admin/rights": OFFICERS,  # One's own.
    "GET /v1/admin/overview": ADMINS,
    "GET /v1/admin/people": ADMINS.showing(A.ADMIN, A.ROOT),
    "GET /v1/admin/devices": ADMINS.showing(A.ADMIN, A.ROOT),
    "GET /v1/admin/grants": ADMINS.showing(A.ADMIN, A.ROOT),
    "GET /v1/admin/audit": ADMINS.showing(A.ADMIN, A.ROOT),
    "GET /v1/admin/audit/chain": ADMINS.showing(A.ADMIN, A.ROOT),
}
