# shellcheck shell=bash
# Puts files where they belong: whole or not at all, and so that it can be taken back. Sourced by
# install, never run.

placed=()
changed=()

put_system_files() {
    local source target mode
    while read -r source target; do
        mode=644
        [[ $target != */system-shutdown/* ]] || mode=755
        placed+=("$target")
        put "$source" "$destination$target" "$mode"
    done < <(system_files)
    put_command
    remove_what_no_longer_belongs
    save "$installed_files"
    printf '%s\n' "${placed[@]}" >"$installed_files"
    outcome="nothing to do"
    ((${#changed[@]} == 0)) || outcome="${#changed[@]} new or changed"
}

# `appliance` can be typed as it is, with sudo too.
put_command() {
    local target=$destination$command
    placed+=("$command")
    [[ $(readlink "$target" || true) != /opt/appliance/bin/appliance ]] || return 0
    save "$target"
    mkdir --parents "${target%/*}"
    ln --symbolic --force --no-dereference /opt/appliance/bin/appliance "$target"
    changed+=("$command")
}

# Puts a file there unless it is there already; with a group as a number, if given.
put() {
    local source=$1 target=$2 mode=$3 group=${4-}
    ! is_switched_off "$target" || return 0
    if cmp --quiet "$source" "$target" && [[ $(stat --format=%a "$target") == "$mode" ]]; then
        return
    fi
    save "$target"
    mkdir --parents "${target%/*}"
    install --mode="$mode" "$source" "$target.new"
    [[ ! $group || $EUID -ne 0 ]] || chgrp "$group" "$target.new"
    mv --force "$target.new" "$target"
    changed+=("${target#"$destination"}")
}

# What an earlier version put there, and this one has no more.
remove_what_no_longer_belongs() {
    [[ -f $installed_files ]] || return 0
    local target
    while read -r target; do
        if [[ $target == "${folders[units]}"/*.* ]]; then
            if_it_fails systemd_files --quiet enable "${target##*/}"
            systemd_files --quiet disable "${target##*/}"
        fi
        save "$destination$target"
        rm --force "$destination$target"
        changed+=("$target")
    done < <(printf '%s\n' "${placed[@]}" |
        grep --invert-match --line-regexp --fixed-strings --file=- "$installed_files")
}

# Keeps what is there now for the case that a later step fails.
save() {
    local target=$1 kept
    if [[ -e $target || -L $target ]]; then
        kept=$scratch/before-${#undo[@]}
        cp --archive "$target" "$kept"
        if_it_fails cp --archive --remove-destination "$kept" "$target"
    else
        if_it_fails rm --force "$target"
    fi
}

# Whether anything below one of these folders is new, as in
#   is_changed /etc/udev/rules.d /etc/sysusers.d
is_changed() {
    local folder
    for folder in "$@"; do
        [[ " ${changed[*]} " != *" $folder/"* ]] || return 0
    done
    return 1
}
