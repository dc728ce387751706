"""Rules of the Authentication Service, in general and at the edges."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from copconnect import errors, phone_number
from copconnect.auth_service import rules
from copconnect.auth_service.registration.sliding_window import MAX_KEYS, SlidingWindow

# "signing key: of mixed order" of spec/keys.
MIXED_ORDER = "2d9d234354278a2d67a918ec09f233b282b4168e768b12c555049e248639dbdf"
TIMES = st.lists(st.integers(0, 2 * rules.HOUR_MS), max_size=30)
# GSM 03.38 without its escape table: what a 160-character SMS may hold.
GSM_7 = set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
            "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà")  # fmt: skip


@pytest.mark.parametrize("language", ["en", "te", "ur", "hi"])
@pytest.mark.parametrize("lifetime_ms", [1, 300_000, 99 * 60_000])
def test_an_otp_text_fits_one_sms(language: str, lifetime_ms: int) -> None:
    text = rules.sms_text(language, "12345678", lifetime_ms)  # type: ignore[arg-type]
    assert text.startswith("12345678")
    if language == "en":
        assert set(text) <= GSM_7
        assert len(text) <= 160
    else:
        assert len(text.encode("utf-16-le")) // 2 <= 70


@given(TIMES, st.integers(0, 3 * rules.DAY_MS), st.integers(1, 5))
def test_a_number_that_waits_as_told_may_ask(asked: list[int], now: int, per_day: int) -> None:
    wait = rules.budget_wait_ms(asked, now, per_day)
    past = [time for time in asked if time <= now]
    assert rules.budget_wait_ms(past, now + wait, per_day) == 0
    if wait > 0:
        assert rules.budget_wait_ms(past, now + wait - 1, per_day) > 0


@given(st.lists(st.integers(0, 500), max_size=200), st.integers(1, 5), st.integers(1, 1000))
def test_a_window_never_holds_more_than_its_limit(
    steps: list[int], limit: int, window_ms: int
) -> None:
    window, now, taken = SlidingWindow(limit, window_ms), 0, list[int]()
    for step in steps:
        now += step
        wait = window.wait_ms("key", now)
        recent = [time for time in taken if time > now - window_ms]
        assert (wait > 0) == (len(recent) >= limit)
        if wait == 0:
            window.count("key", now)
            taken.append(now)
        else:
            assert window.wait_ms("key", now + wait) == 0


def test_a_window_forgets_the_quietest_key() -> None:
    window = SlidingWindow(1, 1000)
    for key in range(MAX_KEYS + 1):
        window.count(str(key), 0)
    assert window.wait_ms("0", 0) == 0
    assert window.wait_ms("1", 0) == 1000


@given(st.text(max_size=40))
def test_numbers_are_e164_or_refused(text: str) -> None:
    try:
        number = phone_number.normalise(text)
    except errors.NumberInvalid:
        return
    assert number[0] == "+"
    assert number[1:].isascii()
    assert number[1:].isdigit()
    assert phone_number.normalise(number) == number


@given(st.text(max_size=200))
def test_labels_are_printable_and_never_empty(text: str) -> None:
    label = rules.clean_label(text)
    assert 0 < len(label) <= 64
    assert rules.clean_label(label) == label


@given(st.text(max_size=20), st.text(max_size=20))
def test_hashes_are_bound_to_their_challenge(first: str, second: str) -> None:
    one = rules.code_hash(b"secret", first, "123456")
    other = rules.code_hash(b"secret", second, "123456")
    assert rules.equal(one, other) == (first == second)
    assert one != rules.code_hash(b"other", first, "123456")


@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=40))
def test_a_made_up_proof_is_refused(public: bytes, signature: bytes, message: bytes) -> None:
    with pytest.raises(errors.ProofInvalid):
        rules.check_proof(public, signature, message)


def test_d3_a_key_of_mixed_or_small_order_registers_nothing() -> None:
    key = Ed25519PrivateKey.generate()
    good = key.public_key().public_bytes_raw()
    rules.check_proof(good, key.sign(b"proof"), b"proof")
    # The identity verifies a signature of zeros over any message where nobody looks at the order.
    small = (1).to_bytes(32, "little")
    mixed = bytes.fromhex(MIXED_ORDER)
    for bad in (small, mixed):
        with pytest.raises(errors.ProofInvalid):
            rules.check_proof(bad, small + bytes(32), b"proof")


@given(st.integers(0, 10**9), st.integers(1, 10**5), st.integers(4, 10))
def test_guesses_never_find_more_codes_than_the_threshold_would(
    failures: int, threshold: int, shortest: int
) -> None:
    digits = rules.code_digits(failures, threshold, shortest)
    assert shortest <= digits <= rules.MOST_DIGITS
    if failures < threshold:
        assert digits == shortest
    elif digits < rules.MOST_DIGITS:
        assert failures / 10**digits < threshold / 10**shortest
