# shellcheck shell=bash
# Settings file: written once; from then on it is the owner's. Sourced by install, never run.

put_settings() {
    local draft=$scratch/appliance.toml
    local source=$settings values=()
    outcome="kept as they are"
    if [[ ! -f $settings ]]; then
        source=$checkout/appliance/settings/appliance.toml
        # Most boxes have one microphone, at USB, which need not be the default of the sound system.
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
        fail "${settings#"$destination"} stays as it is (see above)."
    put "$draft" "$settings" 640 "$(group_number appliance)"
}
