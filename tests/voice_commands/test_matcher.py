"""Matches of phrases in the text of a finished turn."""
# ruff: noqa: RUF001 - Turkish and Chinese

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.settings.commands import Bookmark, Clear, Command, Gpio, Name, Note, Stop
from appliance.settings.phrases import MAX_BRACKETS, ways_to_say
from appliance.settings.spoken_words import ways_to_speak
from appliance.voice_commands.matcher import PhraseMatcher
from appliance.voice_commands.matcher import SpokenCommand as Said

LAMP = Gpio(phrase=("turn on [the] lamp", "let there be light"), pin=22, state="on")
NOTE = Note(phrase=("take a note [that]", "note twenty"))
STOP = Stop(phrase="that's all")
CLEAR = Clear(phrase="wipe-clean 21")
BOX = Bookmark(phrase="mark the box")
COMMANDS = (LAMP, NOTE, STOP, CLEAR, BOX)

APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"


def commands_in(text: str, prefix: str = "") -> list[Said]:
    return PhraseMatcher(COMMANDS, prefix).commands_in(text)


# However it is written


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("turn on the lamp", LAMP),
        ("turn on lamp", LAMP),
        ("Turn on the lamp.", LAMP),
        ("TURN ON THE LAMP!", LAMP),
        ("Turn on… the lamp?", LAMP),
        ("  Turn on\nthe\tlamp  ", LAMP),
        ("Turn-on the lamp", LAMP),
        ("Turn on—the lamp.", LAMP),
        ('"Turn on the lamp," ', LAMP),
        ("«Turn on the lamp»", LAMP),
        ("Let there be light.", LAMP),
        ("That's all.", STOP),
        (f"That{APOSTROPHE}s all.", STOP),
        ("Wipe clean twenty-one.", CLEAR),
        ("wipe clean twenty one", CLEAR),
        ("Wipe clean 21.", CLEAR),
    ],
)
def test_a_phrase_is_heard_however_it_is_written(text: str, command: Command) -> None:
    assert commands_in(text) == [Said(command)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "...",
        "turn on the lab",
        "turn on the lamps",
        "turn on the lamp's",
        "turn on a lamp",
        "turn on the the lamp",
        "turn the lamp on",
        "turn on the",
        "on the lamp",
        "turn off the lamp",
        "turn on the lamp now",
        "please turn on the lamp",
        "she said turn on the lamp",
        "turn on the lamp turn on the lamp",
        "turnon the lamp",
        "thats all",
        "wipe clean",
        "wipe clean 210",
        "wipe clean 2 1",
        "let there be lights",
        "and then take a note",
        "take a",
        "note 21 apples",
    ],
)
def test_a_near_miss_does_nothing(text: str) -> None:
    assert commands_in(text) == []


@pytest.mark.parametrize(
    ("phrase", "heard", "missed"),
    [
        ("Größe ändern", "GRÖSSE ÄNDERN!", "Grüße ändern"),
        (
            "allume [l'ampoule] du salon",
            f"Allume l{APOSTROPHE}ampoule du salon.",
            "allume le salon",
        ),
        ("été", "E\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}.", "ete"),
        ("άναψε το φως", "Άναψε το ΦΩς;", "άναψε το πως"),
        ("打开灯", "打开灯。", "打开门。"),
        ("電気を点けて", "電気を点けて。", "電気を消して。"),
        ("включи свет", "Включи свет!", "Включи звук!"),
        ("अब बंद करो", "अब बंद करो।", "अब चालू करो।"),
        ("اضاءة", "اضاءة؟", "اطفاء"),
    ],
)
def test_phrases_of_any_language_are_heard(phrase: str, heard: str, missed: str) -> None:
    book = PhraseMatcher([Bookmark(phrase=phrase)])
    assert book.commands_in(heard) == [Said(Bookmark(phrase=phrase))]
    assert book.commands_in(missed) == []


FORMATTED = [
    # the phrase, forms of it that must be heard, and near misses that must not
    ("ışığı aç", ["Işığı aç.", "IŞIĞI AÇ!", "ışığı Aç"], ["Işiği aç", "işiği aç", "ışığı kapat"]),
    ("ışığı söndür", ["Işığı söndür."], ["Işığa söndür."]),
    ("İstanbul'u göster", ["İstanbul'u göster.", "istanbul'u göster"], ["Istanbul'a göster"]),
    (
        "kapıyı kilitle",
        ["Kapıyı kilitle.", "KAPIYI KİLİTLE"],
        ["Kapiyi kilitle", "KAPILARI KİLİTLE"],
    ),
    (
        "go to the first page",
        ["Go to the 1st page."],
        ["Go to the 11th page.", "Go to the 1 page."],
    ),
    ("twenty-second line", ["22nd line", "Twenty second line."], ["20 2nds line", "22 line"]),
    ("the twelfth scene", ["The 12th scene"], ["The 20th scene", "The 12 scene"]),
    ("the one hundred and first try", ["The 101st try."], ["The 100th try.", "The 101 try."]),
    ("wake me at seven oh five", ["Wake me at 7:05.", "wake me at 07:05"], ["Wake me at 7:50."]),
    (
        "wake me at 7:05 p.m.",
        ["Wake me at seven oh five PM"],
        ["Wake me at 7:05 AM", "Wake me at 7:05"],
    ),
    ("alarm at seven o'clock", ["Alarm at 7:00.", "Alarm at 7 o'clock"], ["Alarm at 7:07"]),
    ("half past ten thirty", ["Half past 10:30"], ["Half past 10:13", "Half past 1030"]),
    ("book five dollars", ["Book $5.", "Book 5 dollars"], ["Book 5", "Book $50", "Book €5"]),
    ("book one dollar", ["Book $1."], ["Book $10", "Book $1.10"]),
    ("pay five dollars and fifty cents", ["Pay $5.50"], ["Pay $5.05", "Pay $550"]),
    (
        "pay 20 euros",
        ["Pay €20.", "Pay 20€", "Pay 20 €", "Pay twenty euros"],
        ["Pay £20", "Pay 20"],
    ),
    ("heating to minus five", ["Heating to -5.", "Heating to \N{MINUS SIGN}5"], ["Heating to 5."]),
    ("channel five", ["Channel 5", "Channel-5"], ["Channel -5", "Channel 1/5"]),
    ("negative five", ["-5", "minus five"], ["5", "negative"]),
    ("dim to one half", ["Dim to 1/2.", "Dim to ½"], ["Dim to 12", "Dim to 1 2", "Dim to 2/1"]),
    ("dim to three quarters", ["Dim to 3/4.", "Dim to ¾"], ["Dim to 34", "Dim to 4/3"]),
    ("two thirds", ["2/3"], ["2 3rd", "3/2"]),
    ("open 24/7", ["Open twenty-four seven"], ["Open 247", "Open 7/24"]),
    (
        "turn on the TV",
        ["Turn on the T.V.", "turn on the tv"],
        ["Turn on the T. V is", "Turn on the V.T."],
    ),
    ("call the U.S.A.", ["Call the USA.", "Call the U.S.A. "], ["Call the US.", "Call us a"]),
    ("okay stop", ["OK, stop.", "O.K. stop", "Ok stop", "ok, STOP"], ["Oak stop", "K stop"]),
    ("OK", ["Okay.", "ok"], ["O", "okay okay", "OKs"]),
    ("Wi-Fi on", ["wifi on", "Wi-Fi on.", "wi fi on", "WiFi on"], ["wife on", "hi-fi on"]),
    (
        "wifi off",
        ["Wi-Fi off.", "Wifi off", "Wi\u2011Fi off", "Wi\u2010Fi off."],
        ["Wi-Fis off", "Wi-fi-off-line"],
    ),
    ("send an e-mail", ["Send an email.", "Send an E-Mail"], ["Send a mail", "Send an e"]),
    (
        "channel one hundred and five",
        ["Channel 105", "Channel one hundred five"],
        ["Channel 100 and 6"],
    ),
    (
        "channel 105",
        ["Channel a hundred and five"],
        ["Channel 150", "Channel a 105", "Channel 1005"],
    ),
    ("scene 2000", ["scene two thousand", "Scene 2,000."], ["Scene 200", "Scene 2 100"]),
    ("one thousand and one", ["1,001", "1001", "a thousand and one"], ["1000 and", "1.001"]),
    ("this and that", ["This & that"], ["This that"]),
    ("number one", ["#1", "Number 1"], ["1", "# 11"]),
    (
        "ısıyı kapat",
        ["ISIYI KAPAT", "Isıyı kapat.", "ISIYI kapat", "Isıyı KAPAT!"],
        ["isiyi kapat", "İSİYİ KAPAT", "Isiyi kapat", "ısıya kapat"],
    ),
    (
        "ISITICI KAPAT",
        ["ısıtıcı kapat", "Isıtıcı kapat", "ISITICI KAPAT."],
        ["ISITICI AÇ", "ısıtici kapat", "isıtıcı kapat"],
    ),
    (
        "wake me at half past seven",
        ["Wake me at 7:30.", "wake me at 07:30", "Wake me at 19:30"],
        ["Wake me at 7:13", "Wake me at 8:30", "Wake me at 730", "Wake me at half past 7:30"],
    ),
    (
        "wake me at seven thirty",
        ["Wake me at 7:30", "Wake me at 7 30"],
        ["Wake me at 19:30", "Wake me at 6:30", "Wake me at 37"],
    ),
    (
        "alarm at 7:45",
        ["Alarm at a quarter to eight.", "Alarm at quarter to 8", "Alarm at seven forty-five"],
        ["Alarm at quarter to seven", "Alarm at 19:45", "Alarm at quarter 8"],
    ),
    ("alarm at ten past noon", ["Alarm at 10 past noon"], ["Alarm at 12:10", "Alarm at 10"]),
    (
        "alarm at five to one",
        ["Alarm at 12:55.", "Alarm at 5 to 1", "Alarm at 0:55"],
        ["Alarm at 1:05", "Alarm at 5-2", "Alarm at 11:55"],
    ),
    (
        "dim to ten percent",
        ["Dim to 10%.", "Dim to 10 %", "Dim to 10 percent", "Dim to ten per cent"],
        ["Dim to 10", "Dim to 100%", "Dim to 1 0%", "Dim to 10 per"],
    ),
    (
        "heating to three degrees",
        ["Heating to 3 °C.", "Heating to 3°", "Heating to 3°C", "Heating to 3 degrees"],
        ["Heating to 3 C", "Heating to 30 °C", "Heating to 3 ° F or so", "Heating to -3 °C"],
    ),
    (
        "heating to 21 °C",
        ["Heating to twenty-one degrees Celsius", "Heating to 21 degrees", "heating to 21°C"],
        ["Heating to 21 °F", "Heating to 21", "Heating to 21 celsius"],
    ),
    (
        "call doctor Smith",
        ["Call Dr. Smith.", "Call Dr Smith", "Call Doctor Smith"],
        ["Call D. Smith", "Call Smith", "Call Mr. Smith", "Call the Dr. Smith"],
    ),
    ("tell Mr. Brown", ["Tell mister Brown", "tell Mr Brown."], ["Tell Mrs. Brown", "Tell Brown"]),
    (
        "play the nineteen nineties",
        ["Play the 1990s.", "Play the 1990's"],
        ["Play the 1990", "Play the 1980s", "Play the 90s"],
    ),
    ("play the nineties", ["Play the 90s", "Play the '90s."], ["Play the 90", "Play the 19 90s"]),
    (
        "year nineteen eighty-four",
        ["Year 1984."],
        ["Year 1948", "Year 19,084", "Year 1,984.5", "Year 84"],
    ),
    (
        "the second floor",
        ["The 2nd floor."],
        ["The 2 floor", "The 22nd floor", "The 2s floor", "The 2th and floor"],
    ),
    (
        "play number five",
        ["Play No. 5.", "Play #5", "Play Nr. 5", "Play number 5"],
        ["Play no five", "Play No, 5", "Play No. 50", "Play No. of 5"],
    ),
    (
        "pay five fifty",
        ["Pay $5.50.", "Pay 5,50 €", "Pay €5.50", "Pay 5 50"],
        ["Pay $550", "Pay 5.5", "Pay $5.05", "Pay $55"],
    ),
    (
        "pay five euros and fifty cents",
        ["Pay 5,50 €.", "Pay €5,50", "Pay 5.50€"],
        ["Pay 5,05 €", "Pay 550 €", "Pay $5.50", "Pay 5,500 €"],
    ),
    (
        "play five to ten",
        ["Play 5-10.", "Play 5\u201310", "Play 5 to 10"],
        ["Play 5-100", "Play 5/10", "Play 5-10-15", "Play 5--10"],
    ),
    (
        "five kilometers to go",
        ["5 km to go.", "5km to go", "5 kilometres to go"],
        ["5 kg to go", "5 k to go", "50 km to go", "km 5 to go"],
    ),
    (
        "two and a half minutes",
        ["2.5 minutes", "2 1/2 minutes", "2\u00bd minutes", "2½ min"],
        ["2 5 minutes", "1/2 minutes", "2.55 minutes", "2 1/3 minutes", "21/2 minutes"],
    ),
    ("dim to a half", ["Dim to 1/2", "Dim to 1/2."], ["Dim to 12", "Dim to 1/3", "Dim to 1"]),
    ("point five", ["0.5"], ["5", "0.55", "1.5"]),
    (
        "turn on the A/C",
        ["Turn on the AC.", "turn on the A.C."],
        ["Turn on the CA", "Turn on A or C"],
    ),
    ("pay five euros", ["Pay € 5", "Pay 5 €", "Pay €5"], ["Pay € 50", "Pay 5 $", "Pay 5"]),
    (
        "scene 10000",
        ["Scene 10\u202f000", "Scene 10\u00a0000", "Scene 10'000", "Scene 10,000"],
        ["Scene 10 000", "Scene 10'00", "Scene 10 0000", "Scene 1000"],
    ),
    ("drive to Saint Mary", ["Drive to St. Mary", "drive to St Mary"], ["Drive to S. Mary"]),
    (
        "call nine one one",
        ["Call 911.", "Call 9-1-1", "Call 9 1 1"],
        ["Call 91", "Call 119", "Call 9111", "Call 9.11"],
    ),
    ("channel one oh five", ["Channel 105."], ["Channel 150", "Channel 15", "Channel 1 5"]),
    ("double 21", ["Double twenty-one"], ["Double two one", "Double 2 1", "Double 2-1"]),
    ("add fifty cents", ["Add $0.50.", "Add 50¢", "Add 0,50 €"], ["Add $50", "Add 50", "Add 5¢"]),
    ("add one cent", ["Add $0.01"], ["Add $0.10", "Add $1", "Add 1"]),
    (
        "alarm at quarter past nine",
        ["Alarm at a quarter past nine.", "Alarm at 9:15"],
        ["Alarm at a quarter to nine", "Alarm at a past nine", "Alarm at 9:50"],
    ),
    ("wait sixty seconds", ["Wait 60 sec.", "Wait 60 s"], ["Wait 6 sec", "Wait 60"]),
    ("five miles per hour", ["5 mph"], ["5 miles", "50 mph"]),
    ("mail Anna at home", ["Mail Anna @ home"], ["Mail Anna home", "Mail @ Anna home"]),
]


@pytest.mark.parametrize(("phrase", "forms", "misses"), FORMATTED)
def test_a_phrase_is_heard_in_the_forms_that_a_formatter_writes(
    phrase: str, forms: list[str], misses: list[str]
) -> None:
    command = Bookmark(phrase=phrase)
    matcher = PhraseMatcher([command, STOP])
    for text in [phrase, *forms]:
        assert matcher.commands_in(text) == [Said(command)], text
    for text in misses:
        assert matcher.commands_in(text) == [], text


@pytest.mark.parametrize(("phrase", "forms", "misses"), FORMATTED)
def test_a_prefix_is_heard_in_the_forms_that_a_formatter_writes(
    phrase: str, forms: list[str], misses: list[str]
) -> None:
    matcher = PhraseMatcher([LAMP], phrase)
    for text in [phrase, *forms]:
        assert matcher.is_call(text), text
        assert matcher.commands_in(f"{text.rstrip('.')}, turn on the lamp") == [Said(LAMP)], text
    for text in misses:
        assert not matcher.is_call(text), text


LANGUAGES = [
    # the phrase, whether there is a decimal comma, forms that must be heard, and near misses
    (
        "Heizung auf 2,5 Grad",
        True,
        ["Heizung auf 2,5 Grad.", "heizung auf 2,5 grad"],
        ["Heizung auf 2 5 Grad", "Heizung auf 25 Grad", "Heizung auf 2,55 Grad"],
    ),
    (
        "Kanal 1000",
        True,
        ["Kanal 1.000.", "Kanal 1000"],
        ["Kanal 1,000", "Kanal 1.0", "Kanal 1 0", "Kanal 1.0000"],
    ),
    (
        "Kanal 1000",
        None,
        ["Kanal 1.000", "Kanal 1,000", "Kanal 1000"],
        ["Kanal 1.00", "Kanal 1,0", "Kanal 1"],
    ),
    (
        "zoom to 2.5",
        None,
        ["Zoom to 2.5", "Zoom to 2,5"],
        ["Zoom to 25", "Zoom to 2 5", "Zoom to 5.2"],
    ),
    (
        "channel 1000",
        False,
        ["Channel 1,000", "Channel 1000"],
        ["Channel 1.000", "Channel 1,00", "Channel 1"],
    ),
    ("zoom to 2.5", False, ["Zoom to 2.5"], ["Zoom to 2,5", "Zoom to 2 5", "Zoom to 25"]),
]


@pytest.mark.parametrize(("phrase", "comma", "forms", "misses"), LANGUAGES)
def test_a_number_is_read_as_its_language_writes_it(
    phrase: str, comma: bool | None, forms: list[str], misses: list[str]
) -> None:
    matcher = PhraseMatcher([command := Bookmark(phrase=phrase)], decimal_comma=comma)
    for text in [phrase, *forms]:
        assert matcher.commands_in(text) == [Said(command)], text
    for text in misses:
        assert matcher.commands_in(text) == [], text


@given(st.integers(1, 23), st.integers(1, 59), st.integers(1, 23), st.integers(1, 59))
def test_a_time_is_heard_however_it_is_read_and_no_other_is(
    hour: int, minute: int, other_hour: int, other_minute: int
) -> None:
    command = Bookmark(phrase=f"alarm at {hour}:{minute:02}")
    matcher = PhraseMatcher([command])
    for said in ways_to_speak(f"{hour}:{minute:02}"):
        assert matcher.commands_in(f"Alarm at {' '.join(said.words)}") == [Said(command)]
    text = f"Alarm at {other_hour}:{other_minute:02}"
    assert bool(matcher.commands_in(text)) == ((hour, minute) == (other_hour, other_minute))


@given(st.integers(0, 999_999), st.integers(0, 999_999))
def test_a_number_is_heard_in_figures_and_no_other_is(number: int, other: int) -> None:
    matcher = PhraseMatcher([command := Bookmark(phrase=f"channel {number}")])
    assert matcher.commands_in(f"Channel {number:,}.") == [Said(command)]
    assert bool(matcher.commands_in(f"Channel {other}")) == (number == other)
    assert not matcher.commands_in(f"Channel -{number}")


def test_phrases_of_two_languages_keep_their_capitals() -> None:
    english, turkish = Bookmark(phrase="I am in"), Bookmark(phrase="ışığı aç")
    matcher = PhraseMatcher([english, turkish])
    assert matcher.commands_in("I AM IN") == [Said(english)]
    assert matcher.commands_in("IŞIĞI AÇ") == [Said(turkish)]


WORDS = st.lists(
    st.sampled_from(["turn", "on", "the", "lamp", "box", "21", "that's", "take", "a", "note"])
)
BREAK = st.sampled_from([" ", "  ", ", ", ". ", "! ", " — ", "... ", "—", "\n", "; "])


@given(WORDS, BREAK, st.sampled_from(["", "box"]))
def test_neither_case_nor_punctuation_change_what_is_heard(
    words: list[str], pause: str, prefix: str
) -> None:
    plain = commands_in(" ".join(words), prefix)
    written = commands_in(pause.join(words).upper(), prefix)
    assert [it.command for it in written] == [it.command for it in plain]


@given(st.lists(st.sampled_from([LAMP, STOP, CLEAR, BOX])))
def test_after_a_prefix_all_commands_of_a_turn_are_heard_in_order(commands: list[Command]) -> None:
    said = " ".join(f"Hey, box: {command.name}." for command in commands)
    assert commands_in(said, "hey box") == [Said(command) for command in commands]


@given(st.lists(st.sampled_from(["turn", "on", "the", "lamp", "lamps", "a"]), max_size=5))
def test_without_a_prefix_a_turn_is_nothing_but_the_command(words: list[str]) -> None:
    commanded = " ".join(words) in {"turn on lamp", "turn on the lamp"}
    assert commands_in(" ".join(words)) == ([Said(LAMP)] if commanded else [])


@given(st.text(), st.sampled_from(["", "box"]))
def test_other_talk_in_any_script_is_no_command(text: str, prefix: str) -> None:
    assert commands_in(text, prefix) == []


# The prefix


@pytest.mark.parametrize(
    "text",
    [
        "box turn on the lamp",
        "Box, turn on the lamp.",
        "Box - turn on the lamp.",
        "Box—turn on the lamp.",
        "Box... turn on the lamp.",
        "Box,turn on the lamp.",
        "Box. Turn on the lamp.",
        "Well, let me see. Box, turn on the lamp.",
        "Box box turn on the lamp.",
        "Box, what? Box, turn on the lamp.",
        "Box, turn on the lamp, box.",
        "Box, turn on the lamp. Box, I'd like a tea.",
    ],
)
def test_a_command_follows_its_prefix_anywhere_in_the_turn(text: str) -> None:
    assert commands_in(text, "Box!") == [Said(LAMP)]


@pytest.mark.parametrize(
    "text",
    [
        "turn on the lamp",
        "box",
        "boxes turn on the lamp",
        "box, please turn on the lamp",
        "box, turn on the lamp now",
        "the box is here, turn on the lamp",
        "turn on the lamp, box",
        "turn on the box",
    ],
)
def test_without_its_prefix_nothing_is_a_command(text: str) -> None:
    assert commands_in(text, "box") == []


def test_a_prefix_may_have_several_words() -> None:
    assert commands_in("Okay, box 21: turn on the lamp!", "okay box twenty-one") == [Said(LAMP)]
    assert commands_in("Okay, okay box 21, turn on the lamp!", "OK box 21") == [Said(LAMP)]
    assert commands_in("Okay, okay box 22, turn on the lamp!", "OK box 21") == []
    assert commands_in("Hey, hey box, turn on the lamp!", "hey box") == [Said(LAMP)]


def test_a_prefix_is_no_part_of_a_number() -> None:
    assert commands_in("Twenty 1, turn on the lamp", "twenty") == []
    assert commands_in("21, turn on the lamp", "twenty one") == [Said(LAMP)]
    assert commands_in("21 turn on the lamp", "twenty") == []


def test_a_prefix_of_another_script_needs_no_space() -> None:
    door = Bookmark(phrase="打开灯")
    assert PhraseMatcher([door], "电脑").commands_in("电脑，打开灯。") == [Said(door)]


def test_a_phrase_may_hold_the_prefix() -> None:
    assert commands_in("Box, mark the box. Box, that's all.", "box") == [
        Said(BOX),
        Said(STOP),
    ]


# Notes


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Take a note: Buy milk, 2 l of it!", "Buy milk, 2 l of it!"),
        ("Take a note. Buy milk.", "Buy milk."),
        ("Take a note that Anna's away.", "Anna's away."),
        ("take a note  buy  milk ", "buy  milk"),
        ("Take a note — Büchse «groß», 21,5 kg…", "Büchse «groß», 21,5 kg…"),
        ("Take a note, -5 degrees", "-5 degrees"),
        ("Take a note - five degrees", "five degrees"),
        ("Take a note: “Yes,” he said.", "“Yes,” he said."),
        ("Take a note: €5 (or so)", "€5 (or so)"),
        ("Note 20: take a note", "take a note"),
        ("Take a note.", ""),
        ("take a note", ""),
    ],
)
def test_a_note_is_what_follows_as_it_is_written(text: str, rest: str) -> None:
    assert commands_in(text) == [Said(NOTE, rest)]


def test_a_note_goes_on_to_the_next_prefix_that_has_a_command_behind_it() -> None:
    text = "Box, take a note: the box is empty. Box, turn on the lamp."
    assert commands_in(text, "box") == [
        Said(NOTE, "the box is empty."),
        Said(LAMP),
    ]


def test_two_notes_of_one_turn_are_two() -> None:
    text = "box take a note buy milk box take a note call anna"
    assert commands_in(text, "box") == [
        Said(NOTE, "buy milk"),
        Said(NOTE, "call anna"),
    ]


def test_a_whole_phrase_goes_before_a_note_that_begins_like_it() -> None:
    note, mark = Note(phrase="note"), Bookmark(phrase="note this moment")
    book = PhraseMatcher([note, mark])
    assert book.commands_in("Note this moment.") == [Said(mark)]
    assert book.commands_in("Note this moment was great.") == [Said(note, "this moment was great.")]


def test_the_longer_of_two_notes_is_meant() -> None:
    short, long = Note(phrase="note"), Note(phrase="note for anna")
    for book in (PhraseMatcher([short, long]), PhraseMatcher([long, short])):
        assert book.commands_in("Note for Anna: milk") == [Said(long, "milk")]


# Ends of the range


def test_without_commands_nothing_is_one() -> None:
    assert PhraseMatcher(()).commands_in("turn on the lamp") == []
    assert PhraseMatcher((), "box").commands_in("box turn on the lamp") == []


@pytest.mark.timeout(30)
@pytest.mark.parametrize("prefix", ["", "box"])
@pytest.mark.parametrize(
    "words", ["word", "box", "take a note", "box take a note", "turn on the lamp box"]
)
def test_long_turns_are_looked_through_once(words: str, prefix: str) -> None:
    """Ten thousand words take 40 ms; were each looked at with each, it would take minutes."""
    text = f"{words} " * (10_000 // len(words.split()))
    assert len(commands_in(text, prefix)) == expected_in(text, prefix)


def expected_in(text: str, prefix: str) -> int:
    """Return how many commands a text of one thing over and over holds."""
    if not prefix:
        return text.startswith("take a note")
    return text.count("box take a note") + text.count("box turn on the lamp")


# What may be said


@pytest.mark.parametrize(
    ("phrase", "ways"),
    [
        ("stop", {"stop"}),
        ("Turn ON, the lamp!", {"turn on the lamp"}),
        ("turn on [the] lamp", {"turn on lamp", "turn on the lamp"}),
        (
            "[please] stop [right now]",
            {"stop", "please stop", "stop right now", "please stop right now"},
        ),
        ("stop []", {"stop"}),
        ("channel 21", {"channel twenty one"}),
    ],
)
def test_words_in_brackets_may_be_left_out(phrase: str, ways: set[str]) -> None:
    assert {" ".join(way.words) for way in ways_to_say(phrase)} == ways


@pytest.mark.parametrize(
    ("phrase", "why"),
    [
        ("turn on [the lamp", "its brackets don't match"),
        ("turn on the] lamp", "its brackets don't match"),
        ("turn on [[the] old] lamp", "its brackets don't match"),
        ("turn on ]the[ lamp", "its brackets don't match"),
        ("turn off lamp[s]", "its brackets stand within a word"),
        ("turn on [the]lamp", "its brackets stand within a word"),
        ("[turn on] [the lamp]", "it has no word that must be said"),
        ("", "it has no word that must be said"),
        ("?!", "it has no word that must be said"),
        ("stop" + " [it]" * (MAX_BRACKETS + 1), f"it has more than {MAX_BRACKETS} brackets"),
    ],
)
def test_a_phrase_that_can_not_be_said_is_refused(phrase: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ways_to_say(phrase)


@given(st.text())
def test_a_phrase_is_refused_or_can_be_said(phrase: str) -> None:
    try:
        ways = ways_to_say(phrase)
    except ValueError:
        return
    book = PhraseMatcher([Stop(phrase=phrase)])
    for way in ways:
        assert book.commands_in(" ".join(way.words)) == [Said(Stop(phrase=phrase))]


# Slots

NAME = Name(
    phrase=("speaker {letter} is [called] {name}", "call {letter} by the name {name} please")
)


@pytest.mark.parametrize(
    ("text", "letter", "name"),
    [
        ("Speaker A is Anna.", "A", "Anna"),
        ("speaker a is called anna", "a", "anna"),
        ("Speaker bee is Aunt Mary Ann!", "bee", "Aunt Mary Ann"),
        ("Speaker C is Jean-Luc.", "C", "Jean-Luc"),
        ("Speaker D, is O'Neill?", "D", "O'Neill"),
        ("Speaker J is 小明。", "J", "小明"),
        ("Call B by the name Ben, please.", "B", "Ben"),
    ],
)
def test_a_slot_holds_what_was_said_there(text: str, letter: str, name: str) -> None:
    assert PhraseMatcher([NAME]).commands_in(text) == [Said(NAME, filled=(letter, name))]


@pytest.mark.parametrize(
    "text",
    [
        "Speaker Anna is A.",
        "Speaker A is",
        "Speaker is Anna.",
        "The speaker A is Anna.",
        "Speaker A is the one who came late.",
        "Call B by the name Ben.",
    ],
)
def test_what_does_not_fill_the_slots_is_no_command(text: str) -> None:
    assert PhraseMatcher([NAME]).commands_in(text) == []


def test_a_slot_ends_where_another_command_begins() -> None:
    book = PhraseMatcher([NAME, STOP], "computer")
    assert book.commands_in("Computer, speaker A is Anna. Computer, that's all.") == [
        Said(NAME, filled=("A", "Anna")),
        Said(STOP),
    ]
    assert book.commands_in("Speaker A is Anna.") == []
    assert book.commands_in("Speaker A is Anna.", called=True) == [Said(NAME, filled=("A", "Anna"))]


@pytest.mark.timeout(30)
def test_long_turns_are_looked_through_once_for_slots() -> None:
    book = PhraseMatcher([NAME], "box")
    assert book.commands_in("box speaker a is " * 2500) == []
    assert len(book.commands_in("box speaker a is so " * 2000)) == 2000
    assert PhraseMatcher([NAME]).commands_in("speaker a is so " * 2500) == []


def test_a_phrase_without_slots_comes_first() -> None:
    nobody = Bookmark(phrase="speaker A is nobody")
    assert PhraseMatcher([NAME, nobody]).commands_in("Speaker A is nobody.") == [Said(nobody)]
