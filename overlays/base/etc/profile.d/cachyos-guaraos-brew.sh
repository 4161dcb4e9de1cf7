# shellcheck shell=sh
# Homebrew's PATH, MANPATH and INFOPATH. Not for root: the programs there belong to a user, who could change them.
if [ -z "${HOMEBREW_PREFIX:-}" ] && [ "$(id -u)" -ne 0 ]; then
    for guaraos_brew in /home/linuxbrew/.linuxbrew/bin/brew /var/home/linuxbrew/.linuxbrew/bin/brew; do
        if [ -x "$guaraos_brew" ]; then
            eval "$("$guaraos_brew" shellenv)"
            break
        fi
    done
    unset guaraos_brew
fi
