"""What the URL of a search engine may say; what is wrong is told without its password."""

import pytest

from madang.adapters.opensearch.place import place
from madang.errors import SetupError


def test_says_where_and_as_whom() -> None:
    found = place("opensearch+http://ann:p%40ss@search.example:9201?prefix=yard_1")
    assert (found.product, found.where, found.base) == (
        "OpenSearch",
        "search.example:9201",
        "http://search.example:9201",
    )
    assert (found.prefix, found.authorization, found.tls) == ("yard_1", "Basic YW5uOnBAc3M=", False)
    key = place("elasticsearch+https://[::1]?api_key=a2V5%3D%3D&ssl_cert_reqs=none")
    assert (key.product, key.base, key.prefix) == ("Elasticsearch", "https://[::1]:9200", "madang")
    assert key.authorization == "ApiKey a2V5==" and not isinstance(key.tls, bool)
    assert place("opensearch+http://h").authorization == ""


@pytest.mark.parametrize(
    "url",
    [
        "opensearch+http://",
        "opensearch://h",
        "opensearch+ftp://h",
        "opensearch+http://hunter2:hunter2@h?api_key=k",
        "opensearch+http://h:99999",
        "opensearch+http://h/index",
        "opensearch+http://h?prefix=Madang",
        "opensearch+http://h?prefix=*",
        "opensearch+http://h?prefix=a&prefix=b",
        "opensearch+http://h?ssl_ca_certs=/etc/hosts",
        "opensearch+https://h?ssl_ca_certs=/nowhere",
        "opensearch+http://h?sniff=1",
    ],
)
def test_what_is_no_place_is_named_without_the_password(url: str) -> None:
    with pytest.raises(SetupError) as caught:
        place(url)
    assert caught.value.hint and "hunter2" not in str(caught.value)
