"""The check of type names finds names that too many places define."""

import pytest

from make import names

PYTHON = ["class Place:\n    pass\n", "class _Place(Protocol): ...\n", "Place: TypeAlias = int\n"]
SCRIPT = [
    "export class Place {}\n",
    "interface Place extends Cell {}\n",
    "export type Place<T> = T[];\n",
    '<script lang="ts">\n  type Place = string;\n</script>\n',
    "export default class Place implements Cell {}\n",
    "export const enum Place {}\n",
]
ALIASES = [
    'Place = NewType("Place", str)\n',
    'Place = NamedTuple("Place", [("row", int)])\n',
    "Place = tuple[int, int]\n",
    '_Place = Literal["here", "there"]\n',
    "Place = Row | None\n",
    "Place = wire.Position\n",
]


@pytest.mark.parametrize("third", [*PYTHON, *ALIASES])
def test_python_types_count(third: str) -> None:
    sources = {"a.py": PYTHON[0], "b.py": PYTHON[1], "c.py": third}
    assert names.crowded(sources) == {"Place": ["a.py", "b.py", "c.py"]}


@pytest.mark.parametrize("third", SCRIPT)
def test_types_of_the_app_count_beside_those_of_the_server(third: str) -> None:
    sources = {"a.py": PYTHON[0], "b.svelte": SCRIPT[3], "c.ts": third}
    assert names.crowded(sources) == {"Place": ["a.py", "b.svelte", "c.ts"]}


@pytest.mark.parametrize(
    "other",
    [
        "import {\n  type Place,\n  type Cell,\n} from './cells.js';\n",
        "export type { Place } from './cells.js';\n",
        "// a class Place would be one\nconst place: Place = 1;\n",
        "export class Places {}\n",
    ],
)
def test_uses_of_a_type_do_not_count(other: str) -> None:
    assert names.crowded({"a.py": PYTHON[0], "b.ts": SCRIPT[0], "c.ts": other}) == {}


@pytest.mark.parametrize(
    "value", ['K = TypeVar("K")\n', "PLACE = (1, 2)[0]\n", "_C = tables.c\n", "Place = make()\n"]
)
def test_values_and_type_parameters_do_not_count(value: str) -> None:
    assert names.crowded({f"{n}.py": value for n in range(3)}) == {}


def test_each_component_may_define_props() -> None:
    component = "interface Props {\n  name: string;\n}\n"
    assert names.crowded({f"{n}.svelte": component for n in range(3)}) == {}
