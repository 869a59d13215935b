# shellcheck shell=bash
# Puts files in place: completely or not at all, and so that it can be undone. Sourced by install, never
# run.

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
    remove_former_files
    save "$installed_files"
    printf '%s\n' "${placed[@]}" >"$installed_files"
    outcome="nothing to do"
    ((${#changed[@]} == 0)) || outcome="${#changed[@]} new or changed"
}

# Makes `appliance` a command, with sudo too.
put_command() {
    local target=$destination$command
    placed+=("$command")
    [[ $(readlink "$target" || true) != /opt/appliance/bin/appliance ]] || return 0
    save "$target"
    mkdir --parents "${target%/*}"
    ln --symbolic --force --no-dereference /opt/appliance/bin/appliance "$target"
    changed+=("$command")
}

# Puts a file in place unless it is there already; the group, if given, is a number.
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

# Removes the files of an earlier version that this one no longer has.
remove_former_files() {
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

# Saves a file for the case that a later step fails.
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

# Tells whether any file below one of these folders is new, as in
#   is_changed /etc/udev/rules.d /etc/sysusers.d
is_changed() {
    local folder
    for folder in "$@"; do
        [[ " ${changed[*]} " != *" $folder/"* ]] || return 0
    done
    return 1
}
