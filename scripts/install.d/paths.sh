# shellcheck shell=bash disable=SC2034 # for those who source this
# Paths of everything that is installed. DESTDIR puts all of it below another folder, for the tests.

destination=${DESTDIR-}

# The stable path is a link. Each release is a virtual environment, which must not be moved: its files
# hold its path.
program=$destination/opt/appliance
releases=$destination/opt/appliance-releases
installed_files=$releases/installed-files

settings=$destination/etc/appliance/appliance.toml

# systemd passes these to the service by their names.
credentials=$destination/etc/credstore
api_key=$credentials/assemblyai-api-key
token_secret=$credentials/appliance-token-secret
fallback_token_secret=$credentials/appliance-fallback-token-secret
mqtt_password=$credentials/appliance-mqtt-password

command=/usr/local/bin/appliance

# Folders of systemd/, and where their files go.
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

# In a chroot, or while an image is built, systemd does not run: files are enough then.
systemd_runs() {
    [[ -d $destination/run/systemd/system ]]
}

# Only the destination knows the group that some files belong to.
group_number() {
    sed -n "s/^$1:[^:]*:\([0-9]*\):.*/\1/p" "$destination/etc/group"
}

version_here() {
    sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$checkout/appliance/__init__.py"
}

# The owner has replaced a file with a link to /dev/null, as `systemctl mask` does, so that it has no
# effect. Upgrades leave it so.
is_switched_off() {
    [[ $(readlink "$1" || true) == /dev/null ]]
}

is_masked() {
    is_switched_off "$destination${folders[units]}/$1"
}
