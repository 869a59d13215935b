# shellcheck shell=bash
# Releases of the program: built beside the one that runs, tried, and put in its place by one rename.
# Sourced by install, never run.

build_release() {
    local version origin
    check_python
    version=$(version_here)
    origin=$(fingerprint)
    if [[ $(cat "$program/origin" 2>/dev/null) == "$origin" ]] && release_works "$program"; then
        release=$(release_in_use)
        outcome="$version is there: nothing to do"
        return
    fi
    mkdir --parents "$releases"
    release=$(next_release "$version")
    if_it_fails rm --recursive --force "$release"
    "$python" -m venv --system-site-packages --without-pip "$release"
    fill_release
    release_works "$release" || {
        cat "$scratch/proof" >&2
        fail "The new version can't be loaded (see above), so the old one stays."
    }
    echo "$origin" >"$release/origin"
    outcome=$version
}

# Identity of a release: another source or another Python needs a new one.
fingerprint() {
    cd "$checkout"
    {
        "$python" --version
        find pyproject.toml appliance -type f ! -path '*/__pycache__/*' -print0 | sort --zero-terminated |
            xargs --null sha256sum
    } | sha256sum | cut --characters=1-64
}

next_release() {
    local last
    last=$(find "$releases" -maxdepth 1 -type d -name '*-[0-9]*' | sed 's/.*-//' | sort --numeric |
        tail --lines=1)
    echo "$releases/$1-$((${last:-0} + 1))"
}

# Debian's pip sees Debian's packages. Those in root's home are out: the service has no access to them.
# It works on a copy, or it would leave folders of root's in the checkout.
fill_release() {
    local where=()
    [[ ! $wheels ]] || where=(--no-index --find-links "$wheels")
    mkdir "$scratch/source"
    tar --create --directory="$checkout" --exclude=__pycache__ \
        pyproject.toml setup.py README.md LICENSE appliance |
        tar --extract --directory="$scratch/source" --no-same-owner
    # PYPI=1 lets lgpio bring its own C library, if it has to be compiled.
    PYTHONNOUSERSITE=1 PYPI=1 "$release/bin/python" -m pip install --quiet --no-input \
        --disable-pip-version-check --no-cache-dir --no-build-isolation "${where[@]}" \
        "$scratch/source[pi]" >"$scratch/pip" 2>&1 || {
        tail --lines=20 "$scratch/pip" >&2
        if [[ $wheels ]]; then
            fail "Packages are missing in $wheels, as pip says above." \
                "Fill it with ./scripts/wheels on a machine with a network, and run this again."
        fi
        fail "pip failed (see above). Check the network, and run this again."
    }
}

# lgpio leaves a file in its working directory.
release_works() (
    cd "$scratch"
    exec >"$scratch/proof" 2>&1
    export LG_WD=$scratch PYTHONNOUSERSITE=1
    "$1/bin/appliance" --version &&
        "$1/bin/python" -P -c 'import appliance.app.run, gpiozero, lgpio, luma.oled.device, msgspec
import PIL.ImageFont, pyaudio, requests, smbus2, soxr, websocket'
)

# A folder in place of the link is an installation made by hand. Its files name /opt/appliance, so it
# works through the link too, if this installation fails.
activate_release() {
    local previous=
    [[ ! -L $program ]] || previous=$(release_in_use)
    [[ $previous != "$release" ]] || return 0
    if [[ -d $program && ! -L $program ]]; then
        previous=$releases/by-hand
        mv "$program" "$previous"
    fi
    if [[ $previous ]]; then
        if_it_fails point_program_to "$previous"
    else
        if_it_fails rm --force "$program"
    fi
    sync
    point_program_to "$release"
    previous_release=$previous
    restart_needed=yes
}

release_in_use() {
    echo "$releases/$(basename "$(readlink "$program")")"
}

point_program_to() {
    ln --symbolic --force --no-dereference "appliance-releases/${1##*/}" "$program.new"
    mv --force --no-target-directory "$program.new" "$program"
}

# The last one stays, so that its owner can go back by hand.
remove_old_releases() {
    [[ ${previous_release-} ]] || return 0
    local old
    for old in "$releases"/*/; do
        old=${old%/}
        if [[ $old != "$release" && $old != "$previous_release" ]]; then
            rm --recursive --force "$old"
        fi
    done
}
