"""Orders: messages that ask for an acknowledgement, who has given it, and who is reminded.

An order's life: a message is committed together with its terms (:mod:`copconnect.orders.issuing`),
in the transaction that the Delivery Service runs, so that there is never one without the other.
Devices send signed acknowledgements; :mod:`copconnect.orders.acknowledging` judges them and stores
many in one transaction, at most one row for each order and person. A crash before that commit loses
nothing: no device was answered, and each sends the same bytes again. Counts are read from those
rows and from the cursors (:mod:`copconnect.orders.counting`), and kept nowhere, so that they equal
what was signed after any crash. :mod:`copconnect.orders.watching` sends differences to dashboards;
:mod:`copconnect.orders.reminding` wakes people who owe, once for each reminder.

The role never reads an order: text, choices and answers are encrypted.
"""
