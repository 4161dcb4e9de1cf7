# shellcheck shell=bash
# Interactive bash. Own additions go into ~/.bashrc.d/, one file each.
[[ $- == *i* ]] || return 0

if [[ -r /etc/bashrc ]]; then
    # shellcheck source=/dev/null
    . /etc/bashrc
fi

for rc in ~/.bashrc.d/*; do
    if [[ -f $rc ]]; then
        # shellcheck source=/dev/null
        . "$rc"
    fi
done
unset rc
