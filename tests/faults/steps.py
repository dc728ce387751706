"""The steps at which a worker can be stopped (worker_that_stops.py), on the path of a message, a
key, a cursor or an acknowledgement.

A step names where it has just come to; the next has not begun.
"""

from typing import Literal, get_args

SendingStep = Literal[
    "its request is read",  # No part of it has been judged.
    "it is judged",  # No part of it is written.
    "it is written",  # COMMIT has not been sent.
    "it is committed",  # No receiver has been notified.
    "NATS has it",  # The other workers can have it, its own sockets have nothing.
    "this worker's sockets have it",  # The sender has no answer.
]
KeyStep = Literal[
    "a key is read",  # No part of it has been judged.
    "a key is written",  # COMMIT has not been sent.
    "a key is committed",  # No receiver has been notified.
    "a key is published",  # Every worker can have it, the author has no answer.
]
HearingStep = Literal[
    "a key is heard",  # From NATS; no wake-up has been passed on.
    "a wake-up is heard",
    "some sockets are written",  # The others are not.
    "cursors are heard",  # None of them is stored.
    "cursors are stored",  # No receiver has been notified.
]
CountingStep = Literal[
    "acknowledgements are read",  # Signatures are right; none has been judged.
    "acknowledgements are written",  # COMMIT has not been sent.
    "acknowledgements are committed",  # No receiver has been notified, no device has an answer.
    "acknowledgements are published",  # Dashboards may count them, no device has an answer.
]
Step = SendingStep | KeyStep | HearingStep | CountingStep

AT_SENDING: tuple[SendingStep, ...] = get_args(SendingStep)
AT_KEYS: tuple[KeyStep, ...] = get_args(KeyStep)
AT_HEARING: tuple[HearingStep, ...] = get_args(HearingStep)
AT_COUNTING: tuple[CountingStep, ...] = get_args(CountingStep)
