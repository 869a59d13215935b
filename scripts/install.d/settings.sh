# shellcheck shell=bash
# The settings file: written once, and from then on the owner's. Sourced by install, never run.

put_settings() {
    local draft=$scratch/appliance.toml
    local source=$settings values=()
    outcome="kept as they are"
    if [[ ! -f $settings ]]; then
        source=$checkout/appliance/settings/appliance.toml
        # Nearly every box has one microphone, at USB, and the sound system's default may be another.
        values+=("microphone.device=usb")
        outcome="in ${settings#"$destination"}"
    fi
    if [[ $token_url ]]; then
        values+=("service.token_url=$token_url")
        outcome+=", with the token server"
    fi
    ((${#values[@]})) || return 0
    cp "$source" "$draft"
    "$python" "$checkout/scripts/install.d/put_in.py" "$draft" "${values[@]}" ||
        fail "${settings#"$destination"} stays as it is: see above."
    put "$draft" "$settings" 640 "$(group_number appliance)"
}
