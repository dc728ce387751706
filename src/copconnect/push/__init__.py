"""Web Push: a message wakes the devices that sleep.

A push has no body and names nobody: it says "fetch". The service worker fetches and decrypts, so a
push service learns that some device has news, and when, and nothing else.

A push's life: a message is committed and answered; its wake-up reaches every node, and the one that
holds the lease "push" plans (:mod:`copconnect.push.planning`): devices of members that have not
received the message after a few seconds get a row in ``push_queue``. The sender
(:mod:`copconnect.push.sending`) takes rows that are due, asks the push services, and records the
outcomes. A row whose push was taken stays as a mark: the device is not pushed again about this
conversation before it has fetched. A crash before planning is mended by the next look at the
conversations of the last day, a crash while sending repeats at most one batch.
"""
