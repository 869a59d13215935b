# shellcheck shell=bash
# Debian's interpreter and packages, with the purpose of each. Sourced by setup.sh, install and wheels,
# never run.

# Debian's own interpreter: the packages below hold its headers and its venv module, which another
# python3, first in $PATH, may lack.
python=${APPLIANCE_PYTHON-/usr/bin/python3}

# Seconds that this run has waited for other programs that install packages.
lock_waited=0

declare -A purposes=(
    [ca-certificates]="to download Python packages safely"
    [python3]="the interpreter"
    [python3-pip]="gets what Debian lacks, or has too old"
    [python3-venv]="keeps the Python packages apart from the system's"
    [python3-dev]="to compile what has no ready-made package"
    [gcc]="to compile what has no ready-made package"
    [libc6-dev]="to compile what has no ready-made package"
    [swig]="to compile lgpio"
    [portaudio19-dev]="the sound library behind PyAudio"
    [python3-setuptools]="packs the program"
    [python3-wheel]="packs the program"
    [python3-cbor2]="fonts and pictures of the screen's library"
    [python3-click]="the command line"
    [python3-jeepney]="asks the system to switch off"
    [python3-lgpio]="the pins"
    [python3-msgspec]="checks settings and messages"
    [python3-numpy]="calculations on sound"
    [python3-pil]="draws what the screen shows"
    [python3-pyaudio]="the microphone"
    [python3-requests]="fetches tokens"
    [python3-smbus2]="the screen's bus"
    [python3-soxr]="converts sampling rates"
    [python3-spidev]="the bus of screens on SPI"
    [polkitd]="lets the button switch the box off"
    [fonts-liberation]="the letters on the screen"
    [fonts-dejavu-core]="letters that those lack, and small ones"
    [fonts-unifont]="the letters of all other scripts"
    [pulseaudio]="the sound daemon that plays the microphone in the tests"
    [libasound2-plugins]="lets PortAudio hear that daemon"
    [flite]="speaks what the tests listen to"
    [tesseract-ocr]="reads the screen in the tests"
    [dbus-daemon]="carries the request to switch off in the tests"
    [mosquitto]="the MQTT broker in the tests"
    [openssl]="makes the certificates of the tests"
    [kmod]="loads the file systems of memory cards and sticks in the tests"
    [dosfstools]="makes such a file system: FAT"
    [exfatprogs]="makes such a file system: exFAT"
    [e2fsprogs]="makes such a file system: ext4"
    [nodejs]="runs the vendor's other SDK in the tests"
    [npm]="gets that SDK"
    [shellcheck]="checks the shell scripts"
)

install_packages() {
    local missing package
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    choose_root "${missing[@]}"
    say "System packages to install:"
    for package in "${missing[@]}"; do
        say "  $package: ${purposes[$package]}"
    done
    update_package_lists
    apt "downloading" install --no-install-recommends "${missing[@]}"
}

# Once in a run is enough.
update_package_lists() {
    [[ -v lists_are_new ]] && return
    choose_root
    apt "looking up their current versions" update
    lists_are_new=yes
}

missing_packages() {
    local installed
    installed=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
        sed -n 's/ installed$//p') || true
    printf '%s\n' "$@" | grep --invert-match --line-regexp --fixed-strings "${installed:-none}" ||
        true
}

# Sets $as_root to the command that makes us root, without a question that nobody can answer.
choose_root() {
    if ! command -v apt-get >/dev/null; then
        fail "This needs Debian 12 or later, or Raspberry Pi OS. On other systems, install what is in" \
            "these packages by hand: $*"
    elif [[ $EUID -eq 0 ]]; then
        as_root=(env)
    elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
        as_root=(sudo env)
    else
        fail "System packages are missing, and this user can't install them. As root, run:" \
            "apt-get update && apt-get install --no-install-recommends $*"
    fi
}

# Runs apt-get and prints a line for each package. All other output, also of the update before it, is
# shown if it fails: an update without a network only warns, and explains why the installation fails.
apt() {
    say "  $1"
    shift
    apt_log=${apt_log-$(mktemp)}
    local logged awaited=
    logged=$(stat --format %s "$apt_log")
    until apt_get "$@" 2>>"$apt_log" | show_progress "$@"; do
        is_locked_out ||
            fail_with_log "apt-get $1 failed (see above). Put that right and run this again."
        wait_for_lock
        truncate --size "$logged" "$apt_log"
    done
    if [[ $1 == install ]]; then
        rm "$apt_log"
        unset apt_log
    fi
}

# The status lines get a pipe of their own, opened behind sudo, which would close it; apt makes the pipe
# non-blocking, which breaks packages' scripts that write to it. The language is fixed, because messages
# are read here. apt's own waiting covers only two of the locks (DPkg::Lock::Timeout).
apt_get() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    "${as_root[@]}" DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 LANGUAGE= \
        sh -c 'exec apt-get "$@" 3>&1 >&2' apt-get \
        --yes --quiet --option Dpkg::Use-Pty=0 --option APT::Status-Fd=3 \
        --option DPkg::Lock::Timeout=0 "$@" </dev/null
}

# Whether apt-get's last run failed because another program holds the lock of the lists, of the archives, of
# dpkg or of debconf: one may take a lock between two steps of apt-get. A lock file that can't be opened is
# another fault.
is_locked_out() {
    local held='Could not get lock .*(held by process|\(11: )|Unable to .*, is another process using it'
    local raced='dpkg: error: .* lock (is|was) locked by another process|debconf: .* is locked by another process'
    tail --bytes "+$((logged + 1))" "$apt_log" |
        grep --extended-regexp "^((E|Error): ($held)|$raced)" >/dev/null
}

# Waits a moment for the other program, such as unattended-upgrades or cloud-init at the first boot, but no
# longer than $LOCK_WAIT_SECONDS in the whole run.
wait_for_lock() {
    local limit=${LOCK_WAIT_SECONDS-900} holder
    holder=$(sed --quiet --expression 's/^E.*: Could not get lock .* is held by //p' \
        --expression 's/^dpkg: error: .* locked by another process with pid /process /p' "$apt_log" |
        tail --lines 1)
    holder=${holder:-unknown process}
    if [[ ! $awaited ]]; then
        say "  Another program is installing packages ($holder); waiting up to" \
            "$(((limit - lock_waited) / 60)) minutes for it"
    elif (((lock_waited += SECONDS - awaited) >= limit)); then
        fail_with_log "Another program is still installing packages after $((limit / 60)) minutes" \
            "($holder). Wait until it ends, or restart the box (sudo reboot). Then run this again."
    fi
    awaited=$SECONDS
    sleep "${LOCK_RETRY_SECONDS-5}"
}

fail_with_log() {
    cat "$apt_log" >&2
    rm "$apt_log"
    fail "$@"
}

# Reads apt's status lines, such as "pmstatus:gcc:48.3:Installed gcc (amd64)", and prints the first one of
# each package: a package that others trigger is configured again.
show_progress() {
    local kind package percent message awaited=" $* "
    while IFS=: read -r kind package percent message; do
        if [[ $kind == pmstatus && $message == Installed* && $awaited == *" $package "* ]]; then
            say "  installed $package (${percent%.*} %)"
            awaited=${awaited/ $package / }
        fi
    done
}

check_python() {
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail \
        "This needs Python 3.11 or later, and $python is $("$python" --version)." \
        "Debian 12 and later and Raspberry Pi OS Bookworm and later have it."
}

say() {
    echo "$*" >&2
}

fail() {
    say "$*"
    exit 1
}
