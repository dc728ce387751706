"""Lines of code and of comments are counted apart."""

from pygments.lexers.javascript import TypeScriptLexer
from pygments.lexers.python import PythonLexer

from make.lines import counted


def test_a_docstring_is_a_comment_and_a_blank_line_does_not_count() -> None:
    text = '"""Says what\nthe file is for."""\n\nx = 1  # why\n# alone\ny = """text\n\nof code"""\n'
    assert counted(PythonLexer(stripnl=False), text) == (3, 3)


def test_a_long_line_counts_for_each_hundred_characters() -> None:
    text = f"const a = 1;\n/** {'why ' * 30}*/\nconst b = '{'b' * 200}';\n"
    assert counted(TypeScriptLexer(stripnl=False), text) == (4, 2)
