# shellcheck shell=bash
# A line for each step, with its outcome, and the way back if one fails. Sourced by install and uninstall,
# never run.

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

# Runs one step, as in
#   step "Settings" put_settings
# The function puts a word on what it did into $outcome. It must not be called in an `if` or beside `||`:
# bash would then go on after a failed command in it.
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

# Registers a command that undoes what comes next. The last one registered runs first.
if_it_fails() {
    undo=("$(printf '%q ' "$@")" "${undo[@]}")
}

# From here on, nothing is undone.
keep_what_was_done() {
    undo=()
}

end_of_run() {
    local status=$?
    set +e
    if ((status)) && [[ ${title-} ]]; then
        say "$cross $title: failed or was interrupted; see above. Put that right and run this again."
    fi
    ((status == 0)) || undo_steps
    rm --recursive --force "$scratch"
    exit "$status"
}

undo_steps() {
    local command
    for command in "${undo[@]}"; do
        eval "$command" || say "  this did not work: $command"
    done
}
