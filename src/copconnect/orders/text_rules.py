"""Rules of texts by SMS to people whom a flash order does not reach: the text and its variables,
and how long to wait before another try. Pure.

A text has nothing of the order: it is fixed, letter by letter as the department registered it
(DLT), but for variables whose values are numbers and random digits. TRAI's typed variables have
been the rule since January 2026: ``{#numeric#}`` takes digits, ``{#alphanumeric#}`` letters and
digits.
"""

import random
import re
from dataclasses import dataclass

from copconnect.ids import MessageId
from copconnect.settings import Settings

FIRST_RETRY_MS = 30_000
MOST_RETRY_MS = 15 * 60_000
FIRST_PAUSE_MS = 5_000
MOST_PAUSE_MS = 5 * 60_000
GSM_LONGEST = 160
UNICODE_LONGEST = 70
# The letters of GSM 03.38; those of the extension take two places.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("^{}\\[~]|€")
_TAG = re.compile(r"\{#(\w*)#\}")
_LINK = re.compile(r"https?:|www\.|\w\.(?:in|com|org|net|gov|app)\b", re.IGNORECASE)
# The value of each variable at its longest, and its type.
VARIABLES = {"minutes": ("99999", "numeric"), "reference": ("A1B2C3", "alphanumeric")}


@dataclass(frozen=True, slots=True)
class Template:
    """A registered text. ``names``: the variables, in the order of their tags in ``text``."""

    text: str
    names: tuple[str, ...]
    entity_id: str
    template_id: str
    sender: str

    def filled(self, order_id: MessageId, waited_ms: int) -> tuple[str, dict[str, object]]:
        """Return the text for an order that has waited so long, and the gateway's fields beside
        it."""
        values = {
            "minutes": str(min(max(waited_ms // 60_000, 0), 99_999)),
            "reference": order_id[:6].upper(),
        }
        chosen = [values[name] for name in self.names]
        return _filled(self.text, chosen), {
            "entityId": self.entity_id,
            "templateId": self.template_id,
            "sender": self.sender,
            "variables": chosen,
        }


def _filled(text: str, values: list[str]) -> str:
    left = iter(values)
    return _TAG.sub(lambda _: next(left), text)


def template_of(settings: Settings) -> tuple[Template, list[str]]:
    """Return the template that the settings name, and in words what is wrong with it. A template
    with anything wrong is not to be used."""
    names = tuple(one.strip() for one in settings.sms_order_variables.split(",") if one.strip())
    made = Template(
        settings.sms_order_text,
        names,
        settings.sms_entity_id,
        settings.sms_order_template_id,
        settings.sms_sender,
    )
    return made, [*_wrong_ids(made), *_wrong_variables(made), *_wrong_text(made)]


def _wrong_ids(made: Template) -> list[str]:
    wrong = []
    if not re.fullmatch(r"[0-9]{12,19}", made.entity_id):
        wrong.append("COPCONNECT_SMS_ENTITY_ID takes the 12 to 19 digits of the entity's DLT id.")
    if not re.fullmatch(r"[0-9]{12,19}", made.template_id):
        wrong.append(
            "COPCONNECT_SMS_ORDER_TEMPLATE_ID takes the 12 to 19 digits of the template's DLT id."
        )
    if not re.fullmatch(r"[A-Za-z]{6}", made.sender):
        wrong.append("COPCONNECT_SMS_SENDER takes the 6 letters of the registered header.")
    return wrong


def _wrong_variables(made: Template) -> list[str]:
    known = " and ".join(VARIABLES)
    if strange := [one for one in made.names if one not in VARIABLES]:
        return [f"COPCONNECT_SMS_ORDER_VARIABLES knows {known}, not {', '.join(strange)}."]
    tags = _TAG.findall(made.text)
    if len(tags) != len(made.names):
        return [
            f"COPCONNECT_SMS_ORDER_TEXT has {len(tags)} variables, and "
            f"COPCONNECT_SMS_ORDER_VARIABLES names {len(made.names)}."
        ]
    return [
        f"The variable {name} of COPCONNECT_SMS_ORDER_TEXT is {{#{tag}#}}; its type is "
        f"{{#{VARIABLES[name][1]}#}}."
        for name, tag in zip(made.names, tags, strict=True)
        if tag != VARIABLES[name][1]
    ]


def _wrong_text(made: Template) -> list[str]:
    if not made.text.strip():
        return ["COPCONNECT_SMS_ORDER_TEXT is empty."]
    wrong = []
    bare = _TAG.sub("", made.text)
    if "{#" in bare or "#}" in bare or "{var" in bare:
        wrong.append("COPCONNECT_SMS_ORDER_TEXT has a variable that is not written as {#numeric#}.")
    if _LINK.search(bare):
        wrong.append("COPCONNECT_SMS_ORDER_TEXT has a link: operators block those not whitelisted.")
    longest = _TAG.sub("9" * 6, made.text)
    size, most = _size(longest)
    if size > most:
        wrong.append(
            f"COPCONNECT_SMS_ORDER_TEXT takes {size} places, and one SMS of its letters {most}."
        )
    return wrong


def _size(text: str) -> tuple[int, int]:
    """Return how many places of one SMS a text takes, and how many there are."""
    if all(one in _GSM or one in _GSM_EXTENSION for one in text):
        return len(text) + sum(one in _GSM_EXTENSION for one in text), GSM_LONGEST
    return len(text.encode("utf-16-be")) // 2, UNICODE_LONGEST


def retry_ms(attempts: int, chance: random.Random) -> int:
    """Return how long one text waits after so many tries that the gateway did not take."""
    longest: int = min(FIRST_RETRY_MS * 2 ** min(attempts, 20), MOST_RETRY_MS)
    return round(longest * (0.5 + chance.random() / 2))


def pause_ms(failures: int) -> int:
    """Return how long no text is tried after so many batches in a row that met a gateway which took
    none."""
    longest: int = min(FIRST_PAUSE_MS * 2 ** min(failures - 1, 20), MOST_PAUSE_MS)
    return longest
