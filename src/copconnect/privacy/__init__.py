"""The rights of a person over what the server keeps about them (DPDP Act 2023): a copy of all of
it, and its erasure once they left the data bank. It is a layer above
the roles, whose tables it reads.
"""
