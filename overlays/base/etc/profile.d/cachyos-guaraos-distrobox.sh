# shellcheck shell=sh
# Links that are opened inside a distrobox open in the browser of the machine around it.
if [ -n "${CONTAINER_ID:-}${DISTROBOX_ENTER_PATH:-}" ] && command -v distrobox-host-exec >/dev/null 2>&1; then
    export BROWSER="distrobox-host-exec xdg-open"
fi
