"""A password stands nowhere but in what was typed: not printed, not raised, not in any file."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from command import QUICK, Run, assert_refused, fullrank
from servers import PASSWORD

from fullrank.data import Columns, load
from fullrank.data.sources.address import ServerURL, kind_of, redacted, shown
from fullrank.data.sources.mysql import login
from fullrank.errors import SettingError

FORMS = [PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD)]


def assert_clean(text: str) -> None:
    for form in FORMS:
        assert form not in text


def assert_no_secret(folder: Path, run: Run) -> None:
    assert_clean(run.out + run.err)
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        content = path.read_bytes()
        for form in FORMS:
            assert form.encode() not in content, path
            assert form.encode("utf-16-le") not in content, path
    assert files


@pytest.mark.slow
def test_everything_that_commands_write_and_print(mysql_shop, tmp_path, monkeypatch):
    """Of MySQL, where the password goes through Python; PostgreSQL has the same in `commands`."""
    commands(mysql_shop, tmp_path)


@pytest.mark.slow
def test_everything_of_postgresql(postgres_shop, tmp_path):
    commands(postgres_shop, tmp_path)


def commands(url: str, folder: Path) -> None:
    ours = ("--table", "orders")
    fit = fullrank("fit", url, *ours, "-o", folder / "m", "--method", "bpr", *QUICK)
    assert fit.code == 0, fit.err
    manifest = (folder / "m/manifest.json").read_text()
    assert f'"name": "{shown(url)}"' in manifest
    assert f"fullrank fit {shown(url)} --table orders" in manifest
    others = [
        ("fit", url, *ours, "-o", folder / "m2", "--preset", "published"),  # refused
        ("evaluate", folder / "m", url, *ours),
        ("recommend", folder / "m", "--fold-in", url, *ours),
        ("compare", url, *ours, "--methods", "popularity", "--seeds", 1, "-o", folder / "c"),
        ("data", "split", url, *ours, "-o", folder / "parts"),
        ("data", "describe", url, *ours),
        ("data", "audit", url, *ours, "--quick"),
        ("tune", url, *ours, "--method", "itemknn", "--trials", 1, "-o", folder / "t"),
        ("inspect", folder / "m", "--data", url, *ours),
    ]
    for command in others:
        assert_no_secret(folder, fullrank(*command))
    assert (folder / "c/comparison.json").exists()
    assert (folder / "parts/train.parquet").exists()
    assert (folder / "t/summary.json").exists()
    assert_no_secret(folder, fit)


@pytest.mark.parametrize("server", ["postgres_shop", "mysql_shop"])
def test_a_wrong_password_and_a_server_that_is_away(request, server, tmp_path):
    url = request.getfixturevalue(server)
    wrong = url.replace(quote(PASSWORD, safe=""), "wr0ng-" + quote(PASSWORD, safe=""))
    run = fullrank("fit", wrong, "--table", "orders", "-o", tmp_path / "m")
    assert_refused(run, "shop", "expected a database that can be read")
    assert_clean(run.err)
    assert "wr0ng" not in run.err
    away = url.rpartition("@")[0] + "@127.0.0.1:9/shop"
    run = fullrank("fit", away, "--table", "orders", "-o", tmp_path / "m")
    assert_refused(run, "127.0.0.1", "refused", "expected a database that can be read")
    assert_clean(run.err)


@pytest.mark.parametrize(
    ("server", "variable"), [("postgres_shop", "PGPASSWORD"), ("mysql_shop", "MYSQL_PWD")]
)
def test_the_password_from_the_environment(request, server, variable, monkeypatch):
    url = request.getfixturevalue(server)
    scheme, place = url.partition("://")[0], url.rpartition("@")[2]
    columns = Columns(table="orders")
    monkeypatch.setenv(variable, PASSWORD)
    expected = load(f"{scheme}://shop@{place}", columns=columns)
    assert expected.name == f"{scheme}://shop@{place}"
    monkeypatch.delenv(variable)
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    for word in ("$SHOP_PASSWORD", "${SHOP_PASSWORD}"):
        split = load(f"{scheme}://shop:{word}@{place}", columns=columns)
        assert split.fingerprint == expected.fingerprint
        assert split.name == f"{scheme}://shop:{word}@{place}"
    with pytest.raises(SettingError, match="found no variable NONE; expected one of the envir"):
        load(f"{scheme}://shop:$NONE@{place}", columns=columns)


SECRET = "s3cret"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:s3cret@h:5/d", "postgresql://u@h:5/d"),
        ("postgresql://u:a@s3cret/x@h:5/d", "postgresql://u@h:5/d"),
        ("postgresql://u:a?s3cret#x@h/d?sslmode=require", "postgresql://u@h/d?sslmode=require"),
        ("postgresql://h/d?user=u&password=s3cret", "postgresql://h/d?user=u&password=***"),
        ("postgresql://u:$NAME@h/d", "postgresql://u:$NAME@h/d"),
        ("mysql://h/d?ssl_key=s3cret&charset=utf8", "mysql://h/d?ssl_key=***&charset=utf8"),
        ("https://h/t.csv?X-Amz-Signature=s3cret", "https://h/t.csv?X-Amz-Signature=***"),
        ("mysql+pymysql://u:s3cret@h/d", "mysql+pymysql://u@h/d"),
        ("oracle://u:s3cret@h/d", "oracle://u@h/d"),
        ("postgresql:/u:s3cret@h/d", "postgresql:/u@h/d"),
        ("https://u:s3cret@h/t.csv?port=1#s3cret", "https://u@h/t.csv?port=1"),
        ("https://u:s3cret@h/t.csv#s3cret", "https://u@h/t.csv#s3cret"),
        ("s3://bucket/a b/*.parquet", "s3://bucket/a b/*.parquet"),
        ("orders/day=1/*.csv", "orders/day=1/*.csv"),
        ("sqlite:a@b:c.db", "sqlite:a@b:c.db"),
    ],
)
def test_a_url_as_it_is_shown(url, expected):
    assert shown(url) == expected
    assert redacted(f"--data={url}") == (f"--data={expected}" if "://" in url else f"--data={url}")
    assert shown(shown(url)) == expected


@pytest.mark.parametrize("password", ["a@s3cret", "s3cret/x", "s3cret:x", "s3cret#x", "s3cret?x"])
def test_a_password_that_was_not_escaped(password, tmp_path):
    url = f"postgresql://shop:{password}@h/d"
    run = fullrank("fit", url, "--table", "orders", "-o", tmp_path / "m")
    assert_refused(run, "a URL that cannot be read", "postgresql://shop@h/d")
    assert "s3cret" not in run.err


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("oracle://shop:s3cret@h/d", "found the scheme 'oracle'; expected one of postgresql://"),
        ("postgresql:/shop:s3cret@h/d", "found a URL without //"),
        ("ftp:shop:s3cret@h", "found a URL without //"),
        ("oracle:/shop:s3cret@x@h/d", "found a URL without //"),
        ("sqlite:shop:s3cret@h/d", "sqlite:shop@h/d: found no such file"),
        ("mysql://shop:s3cret@h:port/d", "found no host with a port"),
        ("mysql://shop:s3cret@h/d?ssl_mode=s3cret", "found the parameter 'ssl_mode'; expected one"),
    ],
)
def test_urls_of_no_kind_that_is_known(url, found, tmp_path):
    run = fullrank("fit", url, "--table", "orders", "-o", tmp_path / "m")
    assert_refused(run, found)
    assert "s3cret" not in run.err


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--items", "--rules", "--allow", "--items="])
def test_an_address_where_a_path_should_be(option, tmp_path):
    fit = fullrank("fit", "demo", "-o", tmp_path / "m", "--method", "popularity")
    assert fit.code == 0, fit.err
    for url in ("mysql://shop:s3cret@h/d", "mysql:/shop:s3cret@h/d", "ftp://shop:s3cret@h/d"):
        words = [option + url] if option.endswith("=") else [option, url]
        run = fullrank("recommend", tmp_path / "m", "--user", "x", *words)
        assert_refused(run, "shop@h/d")
        assert "s3cret" not in run.err
    assert "s3cret" not in fullrank("recommend", "mysql://shop:s3cret@h/d", "--user", "x").err


@pytest.mark.parametrize("words", [("fit", "demo", "-o", "m"), ("data", "describe", "demo"), ()])
def test_an_address_where_no_word_should_be(words):
    run = fullrank(*words, "mysql://shop:s3cret@h/d")
    assert run.code == 2
    assert "mysql://shop@h/d" in run.err
    assert "s3cret" not in run.err


def test_what_the_driver_of_mysql_is_told(monkeypatch):
    monkeypatch.setenv("MYSQL_PWD", "pw")
    asked = login(ServerURL("mysql://u@[::1]:33/d?ssl_ca=%2Fca.pem&charset=latin1"))
    assert (asked["host"], asked["port"], asked["password"]) == ("::1", 33, "pw")
    assert (asked["ssl_ca"], asked["charset"]) == ("/ca.pem", "latin1")
    assert login(ServerURL("mysql:///d?unix_socket=/s"))["host"] == "localhost"


def test_the_parts_of_a_url():
    url = ServerURL("postgresql://a%40b:p%2Fw@[::1]:5433/my%20db?sslmode=require&password=p%26q")
    assert (url.user, url.password, url.database) == ("a@b", "p/w", "my db")
    assert url.place == "[::1]:5433"
    driver = url.url("postgresql")
    assert driver.startswith("postgresql://a%40b:p%2Fw@[::1]:5433/my%20db?")
    assert "p%26q" in driver
    assert unquote(url.scrubbed("x p/w y p%2Fw z p&q p%26q")) == "x *** y *** z *** ***"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("-", "stdin"),
        ("orders.csv", "path"),
        ("C:\\orders.csv", "path"),
        ("odd:name.csv", "path"),
        ("duckdb:shop.db", "duckdb"),
        ("sqlite:shop.db", "sqlite"),
        ("postgres://h/d", "postgresql"),
        ("MySQL://h/d", "mysql"),
        ("s3://bucket/x", "remote"),
        ("postgresql+psycopg2://h/d", "postgresql"),
        ("oracle://h/d", "unknown"),
        ("postgresql:/h/d", "unknown"),
        ("x1:shop:pw@h", "unknown"),
        ("odd:name@h.csv", "path"),
        ("odd/x:y:z@h.csv", "path"),
    ],
)
def test_what_a_string_names(data, kind):
    assert kind_of(data) == kind
