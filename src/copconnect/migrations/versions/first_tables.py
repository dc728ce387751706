"""The tables of the first release, which METADATA makes: a mark for the migrations after it."""

revision = "0001"
down_revision = None
