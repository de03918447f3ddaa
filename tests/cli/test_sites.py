import pytest

from tests.cli.conftest import Shell


def test_a_site_may_vouch_for_the_kinds_that_the_operator_names(shell: Shell) -> None:
    shell.json("site", "add", "Web shop", "--may-vouch", "email, phone")
    shell.json("site", "add", "Forum")
    listed = {item["name"]: item["may_vouch"] for item in shell.json("site", "list")}
    assert listed == {"Web shop": ["email", "phone"], "Forum": []}


def test_the_list_says_in_words_what_a_site_may_vouch_for(shell: Shell) -> None:
    shell.json("site", "add", "Web shop", "--may-vouch", "email, phone")
    shell.json("site", "add", "Forum")
    told = shell.run("site", "list").stdout.splitlines()
    assert any(line.endswith("  Web shop, may vouch for email, phone") for line in told)
    assert any(line.endswith("  Forum") for line in told)


@pytest.mark.parametrize("kinds", ["fax", "email,account", "anonymous", "email;phone"])
def test_a_site_can_not_vouch_for_any_other_kind(shell: Shell, kinds: str) -> None:
    done = shell.run("site", "add", "Web shop", "--may-vouch", kinds)
    assert done.exit_code == 2
    assert "the kinds are email, phone, crm, loyalty_card" in done.stderr
    assert shell.json("site", "list") == []
