"""The check of sentences that begin without a noun finds them in every kind of prose."""

import pytest

from make import language

PYTHON = '''"""{0}

A paragraph about the member. {0}
"""

def f() -> None:
    """The device joins.

    - {0}
    """
    x = 1  # {0}
    # The device sends a commit and
    # waits. {0}
'''
SCRIPT = """/** {0} */
/*
 * The device sends. {0}
 *
 * - {0}
 */
const a = 1; // {0}
// The device joins, and then
// sends. {0}
"""
SVELTE = """<!--
  {0}
-->
<script lang="ts">
  /** The device joins. {0} */
</script>
<!-- {0} -->
"""
MARKDOWN = """# What a heading says

{0}
- **{0}**
- The device joins. {0}

| What | Where |
|---|---|
| the device | {0} |

> {0}
"""
SENTENCES = (
    "Who was moved joins first.",
    "Whoever asks is answered.",
    "What is pending is sent.",
    "Where a proxy is before it, the header counts.",
    "Of two devices one sends.",
    "Among them one sends.",
)


def _lines(path: str, text: str) -> list[int]:
    return sorted(int(finding.split(":")[1]) for finding in language.findings(path, text))


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence.split()[0])
def test_a_sentence_without_a_noun_is_found_where_it_begins(sentence: str) -> None:
    assert _lines("a.py", PYTHON.format(sentence)) == [1, 3, 9, 11, 13]
    assert _lines("a.ts", SCRIPT.format(sentence)) == [1, 3, 5, 7, 9]
    assert _lines("a.js", SCRIPT.format(sentence)) == [1, 3, 5, 7, 9]
    assert _lines("a.svelte", SVELTE.format(sentence)) == [2, 5, 7]
    assert _lines("a.css", f"a {{ /* {sentence} */ }}") == [1]
    assert _lines("a.md", MARKDOWN.format(sentence)) == [3, 4, 5, 9, 11]


def test_a_finding_says_where_it_is_and_how_to_mend_it() -> None:
    assert list(
        language.findings("a/b.md", "The device joins.\nWho was\nmoved joins. It sends.")
    ) == ["a/b.md:2: 'Who was moved joins.': begin with the noun that the sentence is about"]
    (found,) = language.findings("a.md", "Where a proxy is used, it counts.")
    assert found.endswith(
        "write If for a condition, else begin with the noun that the sentence is about"
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "Who may send?",
        "The device knows who sends, and what.",
        "Whole files are sent. Offers wait, whatever comes.",
        "The device, where it is confirmed, joins",
        "**Who may send?**",
    ],
)
def test_questions_and_sentences_with_a_noun_pass(sentence: str) -> None:
    assert _lines("a.py", PYTHON.format(sentence)) == []
    assert _lines("a.ts", SCRIPT.format(sentence)) == []
    assert _lines("a.svelte", SVELTE.format(sentence)) == []
    assert _lines("a.md", MARKDOWN.format(sentence)) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "The device takes up the change.",
        "The list says what waits.",
        "The head lets another device in.",
        "The leaves are as they should be.",
        "Time is each one's own.",
        "A nobody without a post passes.",
        "No message waits for company.",
        "Each second it is the turn of some.",
        "The server wakes those who owe one.",
        "A row goes to whoever asks.",
        "The head is signed, and what was refused stays away.",
        "The lock ends by itself.",
        "Each cell has a key of its own.",
        "The message is signed anew.",
        "The device is told.",
        "Members who were told the time wait.",
        "The caller must be told.",
        "A sender told of the loss sends again.",
    ],
)
def test_a_refused_phrase_is_found_anywhere_in_a_sentence(sentence: str) -> None:
    assert _lines("a.py", PYTHON.format(sentence)) == [1, 3, 9, 11, 13]
    assert _lines("a.ts", SCRIPT.format(sentence)) == [1, 3, 5, 7, 9]
    assert _lines("a.md", MARKDOWN.format(sentence)) == [3, 4, 5, 9, 11]


def test_a_finding_says_what_to_write_in_place_of_a_phrase() -> None:
    (found,) = language.findings("a.md", "The head lets\nanother in.")
    assert found.startswith("a.md:1: ")
    assert found.endswith("in place of 'lets another in' write admit, list or confirm")


@pytest.mark.parametrize(
    "sentence",
    [
        "A notice takes up to two fifths.",
        "The server lets `in` pass.",
        "`take up` is a function.",
        "People who were told in person are listed.",
        "The server has told every device.",
    ],
)
def test_similar_phrases_pass(sentence: str) -> None:
    assert _lines("a.md", sentence) == []


def test_code_passes() -> None:
    assert _lines("a.py", 'x = "What is sent"\nWhat = 1\n') == []
    assert _lines("a.ts", 'const url = "https://What.example"; say("What is sent.");') == []
    assert _lines("a.svelte", "<p>What is sent.</p>") == []
    assert _lines("a.md", "```\nWhat is sent.\n# What\n```\n\n    indented code\n") == []
    assert _lines("a.toml", "# What is sent.") == []
