"""Print what each source file of a folder is for: the first sentence of the file.

Usage: python -m make.files FOLDER
"""

import ast
import re
import sys
from pathlib import Path

_COMMENT = re.compile(r"(?:///.*\n)*\s*(?:/\*\*(.*?)\*/|<!--(.*?)-->)", re.DOTALL)


def main() -> int:
    """Print a line for each file below the folder that the command line names."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    for file in sorted(Path(sys.argv[1]).rglob("*")):
        if file.suffix in {".py", ".ts", ".svelte"} and (said := purpose(file)):
            print(f"{file}: {said}")
    return 0


def purpose(file: Path) -> str | None:
    """Return the first sentence of a Python, TypeScript or Svelte file, None if it has none."""
    text = file.read_text("utf-8")
    if file.suffix == ".py":
        said = ast.get_docstring(ast.parse(text)) or ""
    else:
        found = _COMMENT.match(text)
        said = (found[1] or found[2]) if found else ""
    said = " ".join(said.replace("\n *", "\n").split())
    return re.split(r"(?<=[.]) (?=[A-Z])", said, maxsplit=1)[0] or None


if __name__ == "__main__":
    sys.exit(main())
