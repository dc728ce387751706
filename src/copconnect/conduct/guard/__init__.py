"""The guard: recognises greetings, forwards and the like on the device, before a message is sent.

``docs/guard-model.md`` specifies folding, features, the file of weights and the verdict; this
package and ``client/src/guard/`` implement it, and a test holds both to the same answers. The
server signs and serves the weights; it never sees a message.
"""
