"""Errors of the code of conduct, of the guard's policy, of known pictures and of lessons."""

from copconnect.errors.base import CallerError


class ConductIncomplete(CallerError):
    """``details``: ``language``; ``reason``: ``missing``, ``twice``, ``title`` (empty), ``rule``
    (empty; ``rule`` is its number) or ``rules`` (another count than in English)."""

    code = "conduct_incomplete"
    message = "The code of conduct lacks something in the `language` in `details`."
    remedy = "Write the same rules in every language."


class ConductTooLong(CallerError):
    """``details``: ``limit``; ``what``: ``rules``, ``rule`` or ``title``; ``language``."""

    code = "conduct_too_long"
    message = "The code of conduct is longer than the limit in `details`."
    remedy = "Write fewer or shorter rules."


class ConductChanged(CallerError):
    """``details``: ``version``, the newest."""

    code = "conduct_changed"
    status = 409
    message = "There is a newer version of the code of conduct; `details` names it."
    remedy = "Read the newest version, then try again."


class GuardPolicyChanged(CallerError):
    """``details``: ``number``, of the policy in force."""

    code = "guard_policy_changed"
    status = 409
    message = "The guard's policy has changed meanwhile; `details` has its number."
    remedy = "Look at the policy in force, then change that."


class PictureKnown(CallerError):
    """``details``: ``claimed``, the class under which it is marked."""

    code = "picture_known"
    status = 409
    message = "The guard knows this picture already; `details` has its class."
    remedy = "Take the mark away first if the class is wrong."


class PicturesFull(CallerError):
    """``details``: ``limit``."""

    code = "pictures_full"
    status = 409
    message = "The list of known pictures is full; `details` has its limit."
    remedy = "Take away marks of pictures that nobody sends any more."


class LessonPictureInvalid(CallerError):
    """``details``: ``limit``, in bytes."""

    code = "lesson_picture_invalid"
    message = "A lesson's picture is a PNG, JPEG or WebP file within the limit in `details`."
    remedy = "Choose another picture. Drawings in SVG are not taken."
