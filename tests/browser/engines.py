"""The browsers that tests run in, and the languages and themes that pages are looked at in.

What takes minutes and seldom breaks alone waits for `make soak`: the same tests, marked slow.
"""

import pytest

ENGINES = ("chromium", "firefox")
"""By playwright. The third, WebKitGTK, is in `webkit.py`."""

CHROMIUM_FIRST = ("chromium", pytest.param("firefox", marks=pytest.mark.slow))

LOOKS = [
    ("ko", "dark"),
    pytest.param("en", "light", marks=pytest.mark.slow),
    pytest.param("en", "dark", marks=pytest.mark.slow),
    pytest.param("ko", "light", marks=pytest.mark.slow),
]
