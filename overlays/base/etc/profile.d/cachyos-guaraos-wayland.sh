# shellcheck shell=sh
# Electron programs use Wayland where there is a Wayland session, and X11 elsewhere.
export ELECTRON_OZONE_PLATFORM_HINT=auto
