# Sourced by scripts/setup, scripts/install-servers and bench/peers: install Debian packages where we may.

# Run a command as root if we are root or sudo lets us without a password; otherwise fail.
as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# Install the named packages; fail where there is no apt-get or no right to use it.
apt_install() {
    command -v apt-get >/dev/null && as_root true || return 1
    echo "madang: installing $* with apt-get"
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@")
    as_root "${install[@]}" </dev/null && return 0
    # The package list may be missing or old: fetch it, then try once more.
    as_root apt-get update -q </dev/null && as_root "${install[@]}" </dev/null
}

# The same for packages that would start system services, which is not wanted: tests start servers of their own.
# A policy file says so, which we add for as long as we install, unless the machine has one already.
apt_install_servers() {
    local policy=/usr/sbin/policy-rc.d ours= status=0
    if [[ ! -e $policy ]] && as_root true; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    apt_install "$@" || status=$?
    [[ -z $ours ]] || as_root rm -f "$policy"
    return "$status"
}
