"""How answers are read, and said when they are wrong."""

import httpx

from tests.rights.rules import REFUSALS, YES


def answer_of(response: httpx.Response) -> str:
    """Return the code of a refusal for want of a right, or YES."""
    if response.status_code < 400:
        return YES
    try:
        code = str(response.json().get("code", ""))
    except ValueError:
        code = ""
    if response.status_code == 401 and not code:
        return "unauthenticated"  # SCIM has its own errors.
    return code if code in REFUSALS else YES


def told(answer: str) -> str:
    """Return an answer in words."""
    return answer if answer == YES else f"refused with {answer}"
