"""Words of police departments as they are typed, in one form that can be compared. Pure."""

import re
import unicodedata
from functools import lru_cache

from copconnect.directory import rules

# A joiner or a vowel sign belongs to its word, so a word is what is no space and no punctuation.
_SEPARATORS = re.compile(r"[^\w\u0900-\u0dff\u200c\u200d]+|_+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_INITIALS = re.compile(r"\b[A-Za-z](?:\.[A-Za-z])+\b\.?")
# One word each; the value may be several words.
SPELLINGS = {
    "ps": "police station",
    "stn": "station",
    "psn": "police station",
    "ops": "outpost",
    "op": "outpost",
    "insp": "inspector",
    "inspr": "inspector",
    "insptr": "inspector",
    "si": "sub inspector",
    "subinspector": "sub inspector",
    "asi": "assistant sub inspector",
    "rsi": "reserve sub inspector",
    "ri": "reserve inspector",
    "wsi": "woman sub inspector",
    "hc": "head constable",
    "headconstable": "head constable",
    "pc": "police constable",
    "cons": "constable",
    "const": "constable",
    "wpc": "woman police constable",
    "hg": "home guard",
    "homeguard": "home guard",
    "dsp": "deputy superintendent",
    "dysp": "deputy superintendent",
    "acp": "assistant commissioner",
    "dcp": "deputy commissioner",
    "cp": "commissioner",
    "sp": "superintendent",
    "supdt": "superintendent",
    "suptd": "superintendent",
    "dig": "deputy inspector general",
    "igp": "inspector general",
    "ig": "inspector general",
    "adgp": "additional director general",
    "addldgp": "additional director general",
    "dgp": "director general",
    "addl": "additional",
    "adl": "additional",
    "asst": "assistant",
    "dy": "deputy",
    "jt": "joint",
    "genl": "general",
    "gen": "general",
    "dist": "district",
    "dt": "district",
    "distt": "district",
    "divn": "division",
    "div": "division",
    "subdivision": "sub division",
    "subdivn": "sub division",
    "subdiv": "sub division",
    "sdpo": "sub division",
    "multizone": "multi zone",
    "cir": "circle",
    "comm": "commissionerate",
    "commr": "commissioner",
    "commte": "commissionerate",
    "comsnr": "commissioner",
    "tfc": "traffic",
    "trf": "traffic",
    "hq": "headquarters",
    "hqrs": "headquarters",
    "hqtrs": "headquarters",
    "hdqrs": "headquarters",
    "rd": "road",
    "ngr": "nagar",
    "w": "women",
    "wmn": "women",
    "mahila": "women",
    "rly": "railway",
    "govt": "government",
    "no": "number",
    "nos": "number",
    "num": "number",
    "mob": "mobile",
    "ph": "phone",
    "tel": "telephone",
    "emp": "employee",
    "empl": "employee",
    "desg": "designation",
    "desig": "designation",
    "desgn": "designation",
    "designtn": "designation",
    "regn": "registration",
    "పీఎస్": "పోలీస్ స్టేషన్",
    "పి.ఎస్": "పోలీస్ స్టేషన్",
}
IGNORED = frozenset({"of", "the", "police", "పోలీస్", "पुलिस", "پولیس", "and"})


def words_of(text: str) -> list[str]:
    """Split into folded words: ``G.No``, ``EmpNo`` and ``Emp_No.`` into two each; initials with
    points, as in ``P.S.``, are one word."""
    joined = _INITIALS.sub(lambda found: f" {found[0].replace('.', '')} ", text)
    split = _CAMEL.sub(" ", joined)
    return [word for word in _SEPARATORS.split(rules.fold(split)) if word]


@lru_cache(maxsize=65_536)
def canonical(text: str) -> str:
    """Return the form in which names are compared: abbreviations in full, without words that say
    nothing in a police department. ``Charminar P.S.`` is ``charminar station``."""
    full = " ".join(SPELLINGS.get(word, word) for word in words_of(text)).split()
    kept = [word for word in full if word not in IGNORED]
    return " ".join(kept or full)


def squeezed(text: str) -> str:
    """Return the letters and digits alone: ``MOBILENO`` is ``Mobile No.``."""
    return "".join(words_of(text))


def script_of(text: str) -> str:
    """Return the language whose script most letters of a text have (``en``, ``te``, ``ur``,
    ``hi``), "" without letters of these."""
    counts = {"en": 0, "te": 0, "ur": 0, "hi": 0}
    for character in text:
        if "\u0c00" <= character <= "\u0c7f":
            counts["te"] += 1
        elif "\u0900" <= character <= "\u097f":
            counts["hi"] += 1
        elif "\u0600" <= character <= "\u06ff" or "\u0750" <= character <= "\u077f":
            counts["ur"] += 1
        elif character.isalpha() and unicodedata.name(character, "").startswith("LATIN"):
            counts["en"] += 1
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] else ""
