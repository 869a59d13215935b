# shellcheck shell=bash disable=SC2034 # for those who source this
# Where everything goes. DESTDIR puts all of it below another folder, which is how it is tested.

destination=${DESTDIR-}

# The stable path is a link; each release is a virtual environment of its own, which carries its path
# in its files and so is never moved.
program=$destination/opt/appliance
releases=$destination/opt/appliance-releases
installed_files=$releases/installed-files

settings=$destination/etc/appliance/appliance.toml

# systemd hands these to the service by their names.
credentials=$destination/etc/credstore
api_key=$credentials/assemblyai-api-key
token_secret=$credentials/appliance-token-secret
fallback_token_secret=$credentials/appliance-fallback-token-secret
mqtt_password=$credentials/appliance-mqtt-password

command=/usr/local/bin/appliance

# Folders of systemd/ and where their files go.
declare -A folders=(
    [journald.conf.d]=/etc/systemd/journald.conf.d
    [modules-load.d]=/etc/modules-load.d
    [polkit]=/etc/polkit-1/rules.d
    [system-shutdown]=/usr/lib/systemd/system-shutdown
    [sysusers.d]=/etc/sysusers.d
    [tmpfiles.d]=/etc/tmpfiles.d
    [udev]=/etc/udev/rules.d
    [units]=/etc/systemd/system
)

# Prints "source destination" for each file of systemd/, the destination without DESTDIR.
system_files() {
    local source
    for source in "$checkout"/systemd/*.{service,timer,path,socket,mount,target}; do
        [[ ! -f $source ]] || echo "$source ${folders[units]}/${source##*/}"
    done
    for source in "$checkout"/systemd/*/*; do
        local folder=${source%/*}
        folder=${folder##*/}
        if [[ $folder == *.service.d ]]; then
            echo "$source ${folders[units]}/$folder/${source##*/}"
        elif [[ -v folders[$folder] ]]; then
            echo "$source ${folders[$folder]}/${source##*/}"
        fi
    done
}

# In a chroot or while an image is built there is no systemd to talk to: its files are enough.
systemd_runs() {
    [[ -d $destination/run/systemd/system ]]
}

# Files that belong to a group which only the destination knows.
group_number() {
    sed -n "s/^$1:[^:]*:\([0-9]*\):.*/\1/p" "$destination/etc/group"
}

version_here() {
    sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$checkout/appliance/__init__.py"
}

# The owner has put a link to nothing in a file's place, as `systemctl mask` does: it is to have no
# effect, before an upgrade and after it.
is_switched_off() {
    [[ $(readlink "$1" || true) == /dev/null ]]
}

is_masked() {
    is_switched_off "$destination${folders[units]}/$1"
}
