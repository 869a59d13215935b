# shellcheck shell=bash
# I2C bus of the OLED on a Raspberry Pi: on, at 400 kHz. Sourced by install and uninstall, never run.

begin_of_ours="# Voice appliance: the OLED's bus, switched on and fast"
end_of_ours="# Voice appliance: end"
silenced="# Voice appliance: without it, "

switch_on_the_bus() {
    local config
    config=$(firmware_config)
    [[ $config ]] || {
        outcome="no Raspberry Pi here: nothing to do"
        return
    }
    if bus_is_set_up "$config"; then
        outcome="nothing to do"
    else
        set_up_bus "$config"
        outcome="on, at 400 kHz"
    fi
    systemd_runs || return 0
    wake_bus
    bus_runs_as_set_up "$config" || reboot_needed="the OLED's bus to be on and fast"
}

# Before Bookworm, it is in the second folder.
firmware_config() {
    local config
    for config in "$destination"/boot/{firmware/,}config.txt; do
        if [[ -f $config ]]; then
            echo "$config"
            return
        fi
    done
}

# A speed that the owner has chosen stays.
bus_is_set_up() {
    grep --quiet --extended-regexp '^dtparam=(.*,)?i2c(_arm)?=on' "$1" &&
        grep --quiet --extended-regexp '^dtparam=(.*,)?i2c(_arm)?_baudrate=' "$1" &&
        ! grep --quiet --extended-regexp '^dtparam=(.*,)?i2c(_arm)?=off' "$1"
}

# At the top, where lines hold for every model and belong to no overlay.
set_up_bus() {
    save "$1"
    {
        printf '%s\n' "$begin_of_ours" dtparam=i2c_arm=on dtparam=i2c_arm_baudrate=400000 "$end_of_ours"
        without_ours "$1" | sed --regexp-extended "s/^dtparam=i2c(_arm)?=off/$silenced&/"
    } >"$scratch/config.txt"
    replace_on_boot_partition "$1"
}

# Lines that switched the bus off are active again.
without_ours() {
    sed "/^$begin_of_ours/,/^$end_of_ours/d; s/^$silenced//" "$1"
}

# The partition has no journal: the new file is complete on it before it replaces the old one.
replace_on_boot_partition() {
    cp "$scratch/config.txt" "$1.new"
    sync "$1.new"
    mv --force "$1.new" "$1"
    sync "${1%/*}"
}

# Without a restart if possible; the setting holds from the next one on.
wake_bus() {
    local adapter=$destination/sys/class/i2c-adapter/i2c-1
    if [[ ! -e $adapter ]] && command -v dtparam >/dev/null; then
        timeout 10 dtparam i2c_arm=on i2c_arm_baudrate=400000 >/dev/null 2>&1 || true
    fi
    modprobe i2c-dev 2>/dev/null || true
}

# Numbers in the device tree are big-endian, of four bytes.
bus_runs_as_set_up() {
    local speed=$destination/sys/class/i2c-adapter/i2c-1/of_node/clock-frequency
    [[ -r $speed ]] &&
        (($(od --address-radix=n --endian=big --format=u4 "$speed") == $(speed_set_up "$1")))
}

speed_set_up() {
    sed --regexp-extended --quiet 's/^dtparam=(.*,)?i2c(_arm)?_baudrate=([0-9]+).*/\3/p' "$1" |
        tail --lines=1
}

restore_bus() {
    local config
    config=$(firmware_config)
    outcome="nothing to do"
    [[ $config ]] && grep --quiet "^$begin_of_ours" "$config" || return 0
    without_ours "$config" >"$scratch/config.txt"
    replace_on_boot_partition "$config"
    outcome="as it was, from the next start on"
}
