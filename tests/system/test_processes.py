import getpass
import os
import sys

import pytest

from appliance.system.processes import CommandError, output


def test_what_a_program_says_is_returned() -> None:
    assert output(["echo", "yes"]) == b"yes\n"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ([sys.executable, "-c", "exit('a line\\nanother')"], "a line"),
        (["false"], "false ended with 1"),
        (["no-such-program"], "no-such-program: No such file or directory"),
    ],
)
def test_what_went_wrong_is_one_line(command: list[str], told: str) -> None:
    with pytest.raises(CommandError) as error:
        output(command)
    assert str(error.value) == told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_root_becomes_the_user_named_without_other_groups() -> None:
    assert output(["id", "--user", "--name"], user="nobody") == b"nobody\n"
    assert output(["id", "--groups", "--name"], user="nobody") == b"nogroup\n"


def test_where_there_is_no_such_user_it_stays_the_same() -> None:
    assert output(["id", "--user", "--name"], user="no-such-user").decode() == f"{me()}\n"


def me() -> str:
    return getpass.getuser() if os.geteuid() else "root"
