# shellcheck shell=bash
# Takes the functions of the image's package manager. A new manager is a file pm-NAME.sh beside this one and a line here;
# `group` says what each function owes. Only for tests: SLIPWAY_PM names another file of functions.
if [ -n "${SLIPWAY_PM:-}" ]; then
    pm=$SLIPWAY_PM
elif grep -Eqs '^ID(_LIKE)?=(.*\W)?(fedora|rhel)\b' /etc/os-release && command -v rpm >/dev/null; then
    # first by name: Fedora has packages of the other two
    pm=${BASH_SOURCE[0]%/*}/pm-dnf.sh
elif command -v pacman >/dev/null; then
    pm=${BASH_SOURCE[0]%/*}/pm-pacman.sh
elif command -v apt-get >/dev/null; then
    pm=${BASH_SOURCE[0]%/*}/pm-apt.sh
else
    echo "slipway: this image has none of the package managers that Slipway knows: pacman, apt-get, dnf" >&2
    exit 1
fi
# shellcheck source=/dev/null
. "$pm"
