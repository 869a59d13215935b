# shellcheck shell=bash
# systemd: units, users, and whether the service stays up. Sourced by install and uninstall, never run.

restarted=
service=appliance.service

# Units that start with the box; udev starts the others when something is plugged in.
units_to_enable() {
    local source target
    while read -r source target; do
        if [[ $target == "${folders[units]}"/*.* && $target != *@* ]] &&
            grep --quiet '^\[Install\]' "$source"; then
            echo "${target##*/}"
        fi
    done < <(system_files)
}

make_user() {
    outcome="nothing to do"
    [[ $(group_number appliance) ]] || outcome="made"
    SYSTEMD_LOG_LEVEL=warning systemd-sysusers ${destination:+--root="$destination"}
    if is_changed "${folders[tmpfiles.d]}"; then
        systemd-tmpfiles --create ${destination:+--root="$destination"}
    fi
}

# Applies new files to services that run already.
reload_system() {
    outcome="nothing to do"
    systemd_runs || {
        outcome="no systemd runs here"
        return
    }
    if is_changed "${folders[journald.conf.d]}"; then
        systemctl restart systemd-journald.service
        # A journal in memory goes to the card only by command.
        journalctl --flush
        outcome="the journal stays over restarts"
    fi
    if is_changed "${folders[udev]}" && udev_runs; then
        udevadm control --reload
        udevadm trigger --subsystem-match=gpio --subsystem-match=i2c-dev --subsystem-match=spidev
        outcome+=", devices handed to their groups"
    fi
    outcome=${outcome#nothing to do, }
}

# Not in a container.
udev_runs() {
    systemctl --quiet is-active systemd-udevd.service
}

enable_services() {
    local unit
    outcome="nothing to do"
    for unit in $(units_to_enable); do
        ! is_masked "$unit" || continue
        if ! systemd_files --quiet is-enabled "$unit" >/dev/null; then
            if_it_fails systemd_files --quiet disable "$unit"
            systemd_files --quiet enable "$unit"
            outcome="with the box"
        fi
    done
}

# With --root, systemctl changes links without a running systemd.
systemd_files() {
    systemctl --root="${destination:-/}" "$@"
}

start_service() {
    systemd_runs || {
        outcome="no systemd runs here: it starts with the box"
        return
    }
    if [[ ! $restart_needed ]] && ((${#changed[@]} == 0)) &&
        systemctl --quiet is-active "$service"; then
        outcome="it runs: nothing to do"
        return
    fi
    systemctl daemon-reload
    if is_masked "$service"; then
        outcome="its owner has masked it: not started"
        return
    fi
    run_units_before
    restarted=yes
    local now
    now=$(date '+%F %T')
    if ! systemctl restart "$service" 2>"$scratch/restart" || ! stays_up; then
        say "  What the log says:"
        journalctl --unit="$service" --since="$now" --lines=12 --no-pager --output=cat >&2 || true
        fail "The new version does not start (see above)."
    fi
    outcome="it runs"
}

# Runs the units that come before the service at each start, such as the one for the boot partition.
run_units_before() {
    local source target
    while read -r source target; do
        if grep --quiet "^Before=$service" "$source" && ! is_masked "${target##*/}"; then
            systemctl restart "${target##*/}" ||
                say "  ${target##*/} fails; the log says why: journalctl -u ${target##*/}"
        fi
    done < <(system_files)
}

# A program that ends at once is restarted again and again, and seems to run at each look.
stays_up() {
    local first
    first=$(main_process)
    sleep "${SETTLING_SECONDS-3}"
    systemctl --quiet is-active "$service" && [[ $(main_process) == "$first" ]]
}

main_process() {
    systemctl show --property=MainPID --value "$service"
}

# Undone last: files and program are then the former ones.
start_former_version() {
    systemd_runs || return 0
    systemctl daemon-reload
    [[ $restarted ]] || return 0
    if [[ -e $program ]]; then
        systemctl restart "$service"
    else
        systemctl stop "$service"
    fi
}
