import os
import sys

import pytest

from appliance.system.processes import CommandError, Identity, output


def test_what_a_program_says_is_returned() -> None:
    assert output(["echo", "yes"]) == b"yes\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([sys.executable, "-c", "exit('a line\\nanother')"], "a line"),
        (["false"], "false ended with 1"),
        (["no-such-program"], "no-such-program: No such file or directory"),
    ],
)
def test_what_went_wrong_is_one_line(command: list[str], message: str) -> None:
    with pytest.raises(CommandError) as error:
        output(command)
    assert str(error.value) == message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_root_becomes_the_user_named_without_other_groups() -> None:
    assert output(["id", "--user", "--name"], identity=Identity.named("nobody")) == b"nobody\n"
    assert output(["id", "--groups", "--name"], identity=Identity.named("nobody")) == b"nogroup\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_a_program_has_all_groups_of_its_identity_and_no_others() -> None:
    assert output(["id", "--groups"], identity=Identity(4321, 4322, (4323,))) == b"4322 4323\n"


def test_an_unknown_user_is_nobody_to_become() -> None:
    assert Identity.named("no-such-user") is None
    assert int(output(["id", "--user"], identity=None)) == os.geteuid()


def test_a_program_that_takes_too_long_is_killed() -> None:
    with pytest.raises(CommandError, match="sleep took over 0 s"):
        output(["sleep", "60"], time_limit=0.05)
