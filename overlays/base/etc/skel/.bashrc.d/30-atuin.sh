# shellcheck shell=bash
# atuin records commands through the hooks of bash-preexec, which therefore comes first.
if command -v atuin >/dev/null; then
    for preexec in /usr/share/bash-preexec/bash-preexec.sh "${HOMEBREW_PREFIX:-/home/linuxbrew/.linuxbrew}/etc/profile.d/bash-preexec.sh"; do
        if [[ -r $preexec ]]; then
            # shellcheck source=/dev/null
            . "$preexec"
            eval "$(atuin init bash)"
            break
        fi
    done
    unset preexec
fi
