# shellcheck shell=bash
# A line for each step with what became of it; and the way back when one fails. Sourced by install
# and uninstall, never run.

scratch=$(mktemp --directory)
undo=()
line_is_open=

case ${LC_ALL:-${LC_CTYPE:-${LANG-}}} in
*[Uu][Tt][Ff]*) tick=✓ cross=✗ ;;
*) tick=ok cross=FAILED ;;
esac

trap end_of_run EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP PIPE

# Does one step, as in
#   step "Settings" put_settings
# The function says in $outcome what is worth saying of it. It is called plainly, neither in an `if`
# nor beside `||`: bash would carry on after a failed command in it.
step() {
    title=$1
    shift
    outcome=
    local begun=$SECONDS
    printf '%s ... ' "$title" >&2
    line_is_open=yes
    "$@"
    local seconds=$((SECONDS - begun))
    ((seconds < 2)) || outcome+="${outcome:+, }$seconds s"
    if [[ $line_is_open ]]; then
        echo "$tick $outcome" >&2
    else
        echo "  $tick $title${outcome:+: $outcome}" >&2
    fi
    line_is_open=
    title=
}

say() {
    [[ ! $line_is_open ]] || echo >&2
    line_is_open=
    echo "$*" >&2
}

fail() {
    say "$cross $*"
    title=
    exit 1
}

# Names a command that takes back what comes next; the last one named is the first one run.
if_it_fails() {
    undo=("$(printf '%q ' "$@")" "${undo[@]}")
}

# From here on nothing is taken back any more.
keep_what_was_done() {
    undo=()
}

end_of_run() {
    local status=$?
    set +e
    if ((status)) && [[ ${title-} ]]; then
        say "$cross $title: failed or was interrupted; see above. Run this again when that is put right."
    fi
    ((status == 0)) || take_back
    rm --recursive --force "$scratch"
    exit "$status"
}

take_back() {
    local command
    for command in "${undo[@]}"; do
        eval "$command" || say "  this did not work: $command"
    done
}
