"""Errors of previews of links. Apps show none of them: a message goes out without a preview."""

from copconnect.errors.base import CallerError


class LinkPreviewsOff(CallerError):
    code = "link_previews_off"
    status = 403
    message = "This department makes no previews of links."
    remedy = "Send the link without one."


class LinkWithoutPreview(CallerError):
    """No ``details``: whether a host is there is not the caller's to learn."""

    code = "link_without_preview"
    status = 422
    message = (
        "The link is no https address of a host on port 443, or its page could not be read or says "
        "nothing about itself."
    )
    remedy = "Send the link without a preview."
