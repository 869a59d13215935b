# shellcheck shell=bash
# Debian packages of the box. Sourced by install, never run.

# Every Debian from 12 on has these in a version that fits: nothing is compiled on the box, and security
# updates come by themselves. pip fetches those that are too old in Debian.
box_packages=(
    ca-certificates python3 python3-pip python3-setuptools python3-wheel
    python3-cbor2 python3-click python3-jeepney python3-numpy python3-pil python3-pyaudio python3-requests
    python3-smbus2 python3-spidev
    fonts-liberation fonts-dejavu-core fonts-unifont polkitd
)

# Debian 13 has the last two, Raspberry Pi OS the first.
packages_of_some=(python3-lgpio python3-msgspec python3-soxr)

compilers=(gcc libc6-dev python3-dev swig)

install_system_packages() {
    local missing some
    mapfile -t missing < <(missing_packages "${box_packages[@]}")
    if ((${#missing[@]} == 0)); then
        outcome="nothing to do"
    elif [[ $wheels ]]; then
        fail "Debian's packages ${missing[*]} are missing, and there is no network to get them from." \
            "Install them with apt-get, and run this again."
    else
        update_package_lists
        mapfile -t some < <(available_packages "${packages_of_some[@]}")
        install_packages "${box_packages[@]}" "${some[@]}"
    fi
    if [[ ! $wheels ]] && lgpio_must_be_compiled; then
        install_packages "${compilers[@]}"
    fi
}

available_packages() {
    local package
    for package in "$@"; do
        [[ ! $(apt-cache search --names-only "^$package\$") ]] || echo "$package"
    done
}

# Debian has no package of it, and there is no wheel for Python 3.13 and later.
lgpio_must_be_compiled() {
    "$python" -c '
import importlib.util, sys
sys.exit(sys.version_info < (3, 13) or importlib.util.find_spec("lgpio") is not None)'
}
