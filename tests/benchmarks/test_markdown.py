from tests.benchmarks.markdown import table


def test_columns_are_aligned() -> None:
    assert table(("case", "lost"), [("calm", "0"), ("long silence", "12")]) == (
        "| case         | lost |\n"
        "|--------------|-----:|\n"
        "| calm         |    0 |\n"
        "| long silence |   12 |"
    )
