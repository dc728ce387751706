"""Texts by SMS about flash orders: whether text, variables and ids are as DLT has them."""

from copconnect.doctor.findings import Finding, failure, ok, warning
from copconnect.ids import MessageId
from copconnect.orders.text_rules import template_of
from copconnect.settings import Settings

_EXAMPLE = MessageId("a" * 32)


def order_texts(settings: Settings) -> list[Finding]:
    """Do people whom a flash order does not reach get a text? Whether the operators know the ids, a
    text alone shows."""
    if not settings.sms_order_minutes:
        words = "Flash orders send no SMS to people whom they do not reach."
        remedy = "Register a text (DLT) and set COPCONNECT_SMS_ORDER_MINUTES and what goes with it."
        return [warning("order texts", words, remedy)]
    template, wrong = template_of(settings)
    if wrong:
        words = f"No text about flash orders is sent. {' '.join(wrong)}"
        return [failure("order texts", words, "Write each as it is registered on the DLT portal.")]
    text, _ = template.filled(_EXAMPLE, settings.sms_order_minutes * 60_000)
    words = (
        f"People who have not received a flash order after {settings.sms_order_minutes} minutes "
        f"get, {settings.sms_order_per_minute} a minute at most: {text}"
    )
    return [ok("order texts", words)]
