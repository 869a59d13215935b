# shellcheck shell=bash
# API key, or token server and its secret. No secret is an argument of a program, where everybody could
# read it. Sourced by install, never run.

key=
token_url=
secret=

settle_access() {
    [[ ! $token_url_given ]] || check_token_url "$token_url_given"
    if [[ $api_key_file ]]; then
        read_alone "$api_key_file" "API key"
        key=$found
    elif [[ ${ASSEMBLYAI_API_KEY-} ]]; then
        check_alone "$ASSEMBLYAI_API_KEY" "API key" "\$ASSEMBLYAI_API_KEY"
        key=$found
    fi
    unset ASSEMBLYAI_API_KEY
    token_url=$token_url_given
    if [[ $token_secret_file ]]; then
        read_alone "$token_secret_file" "secret"
        secret=$found
    fi
    if [[ $key || $token_url || $secret ]]; then
        outcome="as given"
    elif has_access; then
        outcome="kept as it is"
    elif [[ ! $unattended && -t 0 && -t 2 ]]; then
        ask_for_access
    else
        outcome="none yet"
    fi
}

has_access() {
    [[ -s $api_key ]] || grep --quiet --extended-regexp '^\s*token_url\s*=\s*"[^"]' "$settings" 2>/dev/null
}

ask_for_access() {
    say "  AssemblyAI transcribes: with an API key, or through a token server of yours."
    local answer
    read -rsp "  API key (not shown; only Enter: none): " answer || true
    echo >&2
    if [[ $answer ]]; then
        check_alone "$answer" "API key" "what you entered"
        key=$found
        return
    fi
    read -rp "  Address of the token server (only Enter: later): " answer || true
    [[ ! $answer ]] || check_token_url "$answer"
    token_url=$answer
}

check_token_url() {
    [[ $1 =~ ^https?://[^[:space:]\"\\]+$ ]] ||
        fail "A token server's address looks like https://tokens.example.org/token."
}

read_alone() {
    local file=$1
    [[ -r $file ]] || fail "The file $file can't be read."
    check_alone "$(head --bytes=4096 "$file" | tr --delete '\000')" "$2" "$file"
}

# Sets $found to the only word of a text, without the carriage returns and the byte order mark of Windows.
check_alone() {
    local text=${1#$'\xef\xbb\xbf'} what=$2 where=$3
    text=${text//$'\r'/}
    text=${text#"${text%%[![:space:]]*}"}
    found=${text%"${text##*[![:space:]]}"}
    [[ $found =~ ^[!-~]+$ ]] ||
        fail "$where must hold the $what alone: one word, in plain letters and digits."
}

# Only root can read them; systemd passes them to the service.
put_secrets() {
    outcome="nothing to do"
    put_secret "$key" "$api_key"
    put_secret "$secret" "$token_secret"
}

put_secret() {
    [[ $1 ]] || return 0
    mkdir --parents --mode=700 "$credentials"
    (umask 077 && printf '%s' "$1" >"$scratch/secret")
    put "$scratch/secret" "$2" 600
    rm "$scratch/secret"
    outcome="readable by root alone"
}
