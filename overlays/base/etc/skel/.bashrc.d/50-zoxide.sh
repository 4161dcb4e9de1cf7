# shellcheck shell=bash
# z goes to a folder by a part of its name. zoxide wants to come after everything that changes the prompt.
if command -v zoxide >/dev/null; then
    eval "$(zoxide init bash)"
fi
