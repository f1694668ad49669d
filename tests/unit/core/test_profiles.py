"""What users may say of themselves: pictures that browsers of others may load, and languages."""

import pytest

from madang.core.profiles import MAX_LOCALE, MAX_PICTURE, clean_locale, clean_picture
from madang.errors import Refused


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://a.example",
        "https://a.example/",
        "https://a.example:8443/p.png",
        "https://cdn.a-b.example/u/%EB%AF%B8/1.png?s=80&d=https%3A//b.example/x",
        "https://a.example?id=1",
        "https://203.0.113.7/p",
        "https://a.example/user@home:1",
        "https://a.example/" + "p" * (MAX_PICTURE - 18),
    ],
)
def test_a_picture_is_kept_as_it_is_written(url: str) -> None:
    assert clean_picture(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/p",
        "HTTPS://a.example/p",
        "//a.example/p",
        "/p",
        "p",
        "https:",
        "https://",
        "https:///p",
        "https://:443/p",
        "https://-a.example/p",
        "https://a.example:/p",
        "https://a.example:65536/p",
        "https://mina@a.example/p",
        "https://mina:secret@a.example/p",
        "https://a.example\\@b.example/p",
        "https://a.example/p#frag",
        "https://a.example/p q",
        "https://a.example/p\n",
        " https://a.example/p",
        "https://a.example/<p>",
        'https://a.example/"p"',
        "https://a.example/'p'",
        "https://[::1]/p",
        "https://미나.example/p",
        "https://a.example/미나",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "blob:https://a.example/p",
        "https://a.example/" + "p" * (MAX_PICTURE - 17),
    ],
)
def test_what_no_browser_of_others_shall_load_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        clean_picture(url)
    assert refusal.value.code == "bad_field"


@pytest.mark.parametrize("tag", ["", "ko", "en-GB", "zh-Hant-TW", "de-CH-1901", "sr-Latn-RS", "x" * 8 + "-a1"])
def test_a_locale_is_kept_as_it_is_written(tag: str) -> None:
    assert clean_locale(tag) == tag


@pytest.mark.parametrize(
    "tag", ["k", "ko_KR", "ko-", "-ko", "한국어", "ko KR", "en-" + "a" * 9, "12", "en" + "-aa" * MAX_LOCALE, "ko\n"]
)
def test_what_is_no_locale_is_refused(tag: str) -> None:
    with pytest.raises(Refused) as refusal:
        clean_locale(tag)
    assert refusal.value.code == "bad_field"
