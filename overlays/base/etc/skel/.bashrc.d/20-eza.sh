# shellcheck shell=bash
if command -v eza >/dev/null; then
    alias ls='eza --icons=auto'
    alias ll='eza --icons=auto --long --group --git'
    alias la='eza --icons=auto --long --group --git --all'
    alias l.='eza --icons=auto --list-dirs .*'
fi
