"""Reports, the cases that moderators make of them, sanctions and appeals.

States of a case: ``open``; ``assigned`` while a moderator works on it, and open again if they give
it back; ``decided``. A decision may bring one sanction, which is named by its case and ends at its
time, or earlier when an appeal lifts it. All that moderators do are signed acts (copconnect.admin);
what receivers and sanctioned people do are plain requests. The proof is sealed: nothing here
can read it. A crash leaves the state before; each step is one transaction.
"""
