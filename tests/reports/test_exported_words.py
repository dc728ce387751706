"""The words of an order, as an exported conversation tells them."""

from copconnect.sealing.exported.contents import all_words_of


def test_an_order_is_told_with_its_choices_and_its_checklist_in_each_language() -> None:
    telugu = {"title": "బందోబస్తు", "text": "రండి", "choices": ["సరే", "కుదరదు"], "items": ["లాకప్"]}
    order = {
        "title": "Bandobast",
        "text": "Come at 06:00",
        "choices": ["Yes", "No"],
        "items": ["Lock-up"],
        "translations": [telugu],
        "reference": "7",
    }
    words = ["Bandobast", "Come at 06:00", "Yes", "No", "Lock-up"]
    assert all_words_of(order) == [*words, "బందోబస్తు", "రండి", "సరే", "కుదరదు", "లాకప్", "7"]
    withdrawn = {"title": "", "text": "", "translations": [], "reference": "", "reason": "Over"}
    assert all_words_of(withdrawn) == ["Over"]
