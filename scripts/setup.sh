# shellcheck shell=bash
# shellcheck disable=SC2034 # the scripts that source this use the lists of packages
# Set-up that scripts/demo, scripts/test and others share; sourced, never run.
#
# Debian packages go into the system, all else into .venv beside this folder. What is installed already
# stays, so a second run takes seconds.

set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
environment=$checkout/.venv

source "$checkout/scripts/debian.sh"

program_packages=(
    ca-certificates python3 python3-venv python3-dev gcc libc6-dev portaudio19-dev
    fonts-liberation fonts-dejavu-core fonts-unifont
)
test_packages=(
    pulseaudio libasound2-plugins flite tesseract-ocr dbus-daemon mosquitto openssl
    kmod dosfstools exfatprogs e2fsprogs shellcheck python3-pip python3-setuptools python3-wheel
)

# Installs the packages, and .venv with the program and its extras; checks the Python, as in
#   prepare "local,test" "${program_packages[@]}" "${test_packages[@]}"
prepare() {
    local extras=$1
    shift
    install_without_starting mosquitto "$@"
    check_python
    make_environment
    install_program "$extras"
}

# Installs packages, and keeps the service of one of them from starting, now or at boot: the tests run a
# broker of their own. A service that was there before stays as it is.
install_without_starting() {
    local service=$1
    shift
    if [[ ! -d /run/systemd/system || ! " $(missing_packages "$@" | xargs) " == *" $service "* ]]; then
        install_packages "$@"
        return
    fi
    choose_root "$@"
    "${as_root[@]}" systemctl --runtime --quiet mask "$service.service"
    install_packages "$@"
    "${as_root[@]}" systemctl --runtime --quiet unmask "$service.service"
    "${as_root[@]}" systemctl --quiet disable "$service.service"
}

# Made again if the checkout was moved or the system has another Python: a virtual environment has both
# in its files.
make_environment() {
    local origin
    origin="$checkout $("$python" --version)"
    [[ $(cat "$environment/origin" 2>/dev/null) == "$origin" ]] && return
    say "Making the virtual environment .venv"
    "$python" -m venv --clear "$environment"
    echo "$origin" >"$environment/origin"
}

# Editable: only a changed pyproject.toml needs another installation.
install_program() {
    local extras=$1 stamp wanted
    stamp=$environment/installed-${extras//,/-}
    wanted=$(sha256sum <"$checkout/pyproject.toml")
    [[ $(cat "$stamp" 2>/dev/null) == "$wanted" ]] && return
    say "Installing the program and its Python packages ($extras)"
    "$environment/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
        --editable "${checkout}[$extras]" ||
        fail "pip failed (see above). Put that right and run this again."
    echo "$wanted" >"$stamp"
}
