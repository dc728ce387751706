"""The guard: recognises greetings, forwards and the like on the device, before a message is sent.

``docs/guard-model.md`` specifies folding, features, the file of weights and the verdict, and
``client/src/guard/`` alone judges. The server signs and serves the weights and the policy; it never
sees a message.
"""
