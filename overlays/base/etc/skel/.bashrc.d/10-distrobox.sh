# shellcheck shell=bash
# Inside a distrobox.
if [[ -n ${CONTAINER_ID:-}${DISTROBOX_ENTER_PATH:-} ]]; then
    # An Arch guest can start bash without job control: Ctrl-Z, fg and bg would do nothing.
    if [[ -e /etc/arch-release && $- != *m* ]]; then
        set -m
    fi
    # What is installed on the machine around it only.
    if command -v distrobox-host-exec >/dev/null; then
        for program in xdg-open mullvad-exclude; do
            if ! command -v "$program" >/dev/null; then
                # shellcheck disable=SC2139 # the name of now is meant
                alias "$program=distrobox-host-exec $program"
            fi
        done
        unset program
    fi
fi
