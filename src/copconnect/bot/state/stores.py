"""The stores of the state file. Rows of conversations have the conversation's id as their part."""

from pathlib import Path

from copconnect.bot.state import rows
from copconnect.bot.state.vault import Table, Unlock, Vault

_ONE = "one"


class Stores:
    """The open state file, store by store."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.transaction = vault.transaction
        self.registration = Table(vault, "registration", rows.RegistrationRow)
        self.accounts = Table(vault, "account", rows.AccountRow)
        self.times = Table(vault, "time", rows.TimeRow)
        self.own_keys = Table(vault, "own keys", rows.OwnKeyRow)
        self.people = Table(vault, "people", rows.PersonRow)
        self.conversations = Table(vault, "conversations", rows.ConversationRow)
        self.states = Table(vault, "states", rows.StateRow)
        self.heads = Table(vault, "heads", rows.HeadRow)  # By epoch.
        self.keys = Table(vault, "keys", rows.KeyRow)  # By key id; place: created.
        self.cell_keys = Table(vault, "cell keys", rows.CellKeyRow)  # By key id; place: created.
        self.cell_tables = Table(vault, "cell tables", rows.CellTableRow)
        self.accepted = Table(vault, "accepted", rows.AcceptedRow)  # By sender/seq.
        self.log = Table(vault, "log", rows.LogRow)  # By position.
        self.pending = Table(vault, "pending", rows.PendingRow)  # By position.
        self.inbox = Table(vault, "inbox", rows.InboxRow)  # By position.
        self.failed = Table(vault, "failed", rows.InboxRow)  # By message id.
        self.outgoing = Table(vault, "outgoing", rows.OutgoingRow)  # By message id; place: order.
        self.once = Table(vault, "once", rows.OnceRow)  # By message id.
        self.uploads = Table(vault, "uploads", rows.UploadRow)  # By attachment id.
        self.chunks = Table(vault, "chunks", rows.ChunkRow)  # Part: attachment id.
        self.alarms = Table(vault, "alarms", rows.AlarmRow)
        self.comparisons = Table(vault, "comparisons", rows.ComparisonRow)

    @classmethod
    def create(cls, path: Path, unlock: Unlock) -> "Stores":
        """Make a new state file. Raises StateFailure."""
        return cls(Vault.create(path, unlock))

    @classmethod
    def open(cls, path: Path, unlock: Unlock) -> "Stores":
        """Open a state file. Raises StateFailure."""
        return cls(Vault.open(path, unlock))

    @property
    def account(self) -> rows.AccountRow | None:
        """The registered account, or None."""
        return self.accounts.get(_ONE)

    def put_account(self, row: rows.AccountRow) -> None:
        """Write the account."""
        self.accounts.put(_ONE, row)
