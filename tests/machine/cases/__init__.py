"""Cases that the box must survive, in the order in which they run."""

from tests.machine.cases import healing, ownership, power, sessions, token_server
from tests.machine.cases.case import Case

CASES = (
    Case("boots", sessions.boots_and_is_ready),
    Case("speech", sessions.writes_down_what_is_said),
    Case("words", sessions.loses_no_word),
    Case("microphone", healing.microphone_comes_back),
    Case("microphone-idle", healing.microphone_is_missed_while_idle),
    Case("oled", healing.oled_comes_back),
    Case("oled-session", healing.oled_comes_back_in_a_session),
    Case("network", sessions.lives_without_a_network),
    Case("killed", healing.killed_in_a_session),
    Case("hung", healing.hung_and_restarted),
    Case("power-cut", healing.power_cut_in_a_session),
    Case("confined", ownership.is_well_confined),
    Case("doctor", ownership.the_doctor_is_content),
    Case("quiet", sessions.is_quiet),
    Case("let-go", power.letting_go_stays_on),
    Case("hold", power.holding_switches_off, leaves_box_changed=True),
    Case("upgrade", ownership.upgrades),
    Case("upgrade-broken", ownership.a_failed_upgrade_changes_nothing),
    Case("upgrade-dead", ownership.an_upgrade_that_does_not_run_is_taken_back),
    Case("card", ownership.settings_from_the_card, leaves_box_changed=True),
    Case("card-mistake", ownership.a_mistake_on_the_card, leaves_box_changed=True),
    Case("token-server", token_server.serves_tokens, leaves_box_changed=True),
    Case("uninstall", ownership.uninstalls, leaves_box_changed=True),
)
