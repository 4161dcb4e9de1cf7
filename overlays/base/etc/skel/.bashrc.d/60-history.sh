# shellcheck shell=bash
# Page Up and Page Down: commands of the history that begin with what is typed already.
if shopt -qo emacs || shopt -qo vi; then
    bind '"\e[5~": history-search-backward'
    bind '"\e[6~": history-search-forward'
fi
