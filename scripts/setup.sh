# shellcheck shell=bash disable=SC2034 # the lists of packages are for those who source this
# The set-up that scripts/demo and scripts/test share; sourced, never run.
#
# Everything lands in two places: Debian packages in the system, the rest in .venv beside this
# folder. What is there already is left alone, so that a second run takes seconds.

set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
environment=$checkout/.venv

# Debian's own interpreter: its headers and its venv module come from the packages below, while
# another python3 that happens to be first in $PATH may have neither.
python=/usr/bin/python3

declare -A purposes=(
    [ca-certificates]="to download Python packages safely"
    [python3]="the interpreter"
    [python3-venv]="keeps the Python packages in .venv, apart from the system's"
    [python3-dev]="to compile PyAudio, which has no ready-made package for Linux"
    [gcc]="to compile PyAudio"
    [libc6-dev]="to compile PyAudio"
    [portaudio19-dev]="the sound library behind PyAudio"
    [fonts-liberation]="the letters on the screen"
    [fonts-dejavu-core]="the letters that those lack, and the small ones"
    [fonts-unifont]="the letters of all other scripts"
    [pulseaudio]="the sound daemon that plays the microphone in the tests"
    [libasound2-plugins]="lets PortAudio hear that daemon"
    [flite]="speaks what the tests listen to"
    [tesseract-ocr]="reads the screen in the tests"
)

program_packages=(
    ca-certificates python3 python3-venv python3-dev gcc libc6-dev portaudio19-dev
    fonts-liberation fonts-dejavu-core fonts-unifont
)
test_packages=(pulseaudio libasound2-plugins flite tesseract-ocr)

# Sees to the packages, a new enough Python, and .venv with the program and the extras named, as in
#   prepare "local,test" "${program_packages[@]}" "${test_packages[@]}"
prepare() {
    local extras=$1
    shift
    install_packages "$@"
    check_python
    make_environment
    install_program "$extras"
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    choose_root "${missing[@]}"
    say "System packages to install:"
    local package
    for package in "${missing[@]}"; do
        say "  $package: ${purposes[$package]}"
    done
    local log
    log=$(mktemp)
    apt "looking up their current versions" update
    apt "downloading" install --no-install-recommends "${missing[@]}"
    rm "$log"
}

missing_packages() {
    local installed
    installed=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
        sed -n 's/ installed$//p') || true
    printf '%s\n' "$@" | grep --invert-match --line-regexp --fixed-strings "${installed:-none}" ||
        true
}

# How to become root without ever asking where nobody can answer.
choose_root() {
    if ! command -v apt-get >/dev/null; then
        fail "This needs Debian 12 or later, or Raspberry Pi OS. Elsewhere install what these" \
            "packages hold by hand: $*"
    elif [[ $EUID -eq 0 ]]; then
        root=(env)
    elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
        root=(sudo env)
    else
        fail "System packages are missing, and this user can't install them. As root, run:" \
            "apt-get update && apt-get install --no-install-recommends $*"
    fi
}

# Runs apt-get with one line for each package asked for; all else that it says goes to $log, which is
# shown when it fails: an update without a network only warns, and explains why the installation
# fails. Its status lines get a pipe of their own, opened behind sudo, which would close it: apt makes
# that pipe non-blocking, which the packages' scripts would stumble over.
apt() {
    say "  $1"
    shift
    # shellcheck disable=SC2016 # expanded by the inner shell
    "${root[@]}" DEBIAN_FRONTEND=noninteractive sh -c 'exec apt-get "$@" 3>&1 >&2' apt-get \
        --yes --quiet --option Dpkg::Use-Pty=0 --option APT::Status-Fd=3 \
        --option DPkg::Lock::Timeout=300 "$@" \
        </dev/null 2>>"$log" | show_progress "$@" || {
        cat "$log" >&2
        rm "$log"
        fail "apt-get $1 failed, as told above. Put that right and run this again."
    }
}

# Reads apt's status lines, such as "pmstatus:gcc:48.3:Installed gcc (amd64)", and says the first one
# for each package named: a package that others trigger is configured again.
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

# Made anew when the checkout was moved or the system has another Python: a virtual environment
# carries both in its files.
make_environment() {
    local origin
    origin="$checkout $("$python" --version)"
    [[ $(cat "$environment/origin" 2>/dev/null) == "$origin" ]] && return
    say "Making the virtual environment .venv"
    "$python" -m venv --clear "$environment"
    echo "$origin" >"$environment/origin"
}

# Editable: a changed source needs no installation, a changed pyproject.toml does.
install_program() {
    local extras=$1 stamp wanted
    stamp=$environment/installed-${extras//,/-}
    wanted=$(sha256sum <"$checkout/pyproject.toml")
    [[ $(cat "$stamp" 2>/dev/null) == "$wanted" ]] && return
    say "Installing the program and its Python packages ($extras)"
    "$environment/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
        --editable "${checkout}[$extras]" ||
        fail "pip failed, as told above. Put that right and run this again."
    echo "$wanted" >"$stamp"
}

say() {
    echo "$*" >&2
}

fail() {
    say "$*"
    exit 1
}
