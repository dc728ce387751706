"""Reports: messages that a receiver discloses to moderators, what they decide, and sanctions.

A proof is sealed to the moderators' devices (F1 and F2): the server stores what it cannot
read, and never tells a moderator or the reported person who reported.
"""
