"""Statements of the Delivery Service: one file for each thing that is stored.

Every function takes the caller's connection, so that a service composes one transaction. Imports
the database, the tables and plain values; never another role, never a service.
"""
