"""A synthetic force to try Cop Connect with: invented people, an SMS outbox, no gateway.

The program builds on :mod:`copconnect` as any other would. Nothing of the product imports it
(pyproject.toml has the contracts), and it is not in the wheel. The simulated officers are a Node
program, ``client/src/officers``, which ``make officers`` builds.
"""
