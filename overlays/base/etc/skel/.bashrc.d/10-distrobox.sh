# shellcheck shell=bash
# A distrobox with an Arch guest can start bash without job control: Ctrl-Z, fg and bg would do nothing.
if [[ -n ${CONTAINER_ID:-}${DISTROBOX_ENTER_PATH:-} && -e /etc/arch-release && $- != *m* ]]; then
    set -m
fi
