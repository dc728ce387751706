"""The server has no means to read content: it imports no cipher, no HPKE and no MLS.

Signatures, certificates, hashes and random numbers are all it needs of cryptography. `bench/` plays
devices by `sealing/`, and bots are devices; nothing of the server may import them
(tests/layers/test_import_layers.py).
"""

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "copconnect"
FORBIDDEN = (
    "cryptography.fernet",
    "cryptography.hazmat.primitives.ciphers",
    "cryptography.hazmat.primitives.hpke",
    "cryptography.hazmat.primitives.asymmetric.mlkem",
    "cryptography.hazmat.primitives.asymmetric.x25519",
    "nacl",
    "mls",
    "hpke",
    "pyhpke",
    "Crypto",
    "copconnect.sealing",
    "copconnect.bot",
)
DEVICES = (SOURCE / "bot", SOURCE / "sealing")  # The device's side.


def imports(code: str) -> set[str]:
    """Return the dotted names that a module imports, with what it takes from them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def forbidden(names: set[str]) -> set[str]:
    """Return modules that could decrypt."""
    return {
        name
        for name in names
        if any(name == bad or name.startswith(f"{bad}.") for bad in FORBIDDEN)
    }


def test_the_server_imports_nothing_that_decrypts() -> None:
    files = [
        file
        for file in SOURCE.rglob("*.py")
        if not file.name.startswith("test_") and not set(DEVICES) & set(file.parents)
    ]
    assert len(files) > 20
    wrong = {
        str(file.relative_to(SOURCE)): found
        for file in files
        if (found := forbidden(imports(file.read_text())))
    }
    assert wrong == {}


def test_a_module_that_decrypts_would_be_noticed() -> None:
    for code in (
        "from cryptography.hazmat.primitives.ciphers.aead import AESGCM",
        "from cryptography.hazmat.primitives import hpke",
        "def later():\n    import cryptography.fernet",
        "from copconnect.sealing.messages import open_body",
    ):
        assert forbidden(imports(code)), code
    assert not forbidden(imports("from cryptography.hazmat.primitives import hashes"))
