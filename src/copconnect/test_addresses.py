import pytest

from copconnect import addresses


def test_the_address_is_what_the_outermost_trusted_proxy_saw() -> None:
    assert addresses.caller_address("10.0.0.1", "6.6.6.6", 0) == "10.0.0.1"
    assert addresses.caller_address("10.0.0.1", "6.6.6.6, 198.51.100.7", 1) == "198.51.100.7"
    assert (
        addresses.caller_address("10.0.0.1", "6.6.6.6, 198.51.100.7, 10.0.0.2", 2) == "198.51.100.7"
    )
    assert addresses.caller_address("10.0.0.1", "", 1) == "10.0.0.1"


@pytest.mark.parametrize(
    ("seen", "counted"),
    [
        ("198.51.100.7:50123", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:bbbb::2]:443", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_one_caller_counts_as_one_address(seen: str, counted: str) -> None:
    assert addresses.caller_address(seen, "", 0) == counted
    assert addresses.caller_address("10.0.0.1", f"6.6.6.6, {seen or '10.0.0.1'}", 1) == (
        counted or "10.0.0.1"
    )
