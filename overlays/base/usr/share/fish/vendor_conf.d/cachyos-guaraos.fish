# fish for everybody; ~/.config/fish comes after it. Every block is skipped where its program is absent.

set -gx ELECTRON_OZONE_PLATFORM_HINT auto

# Homebrew; not for root, whose programs must not belong to a user.
if not set -q HOMEBREW_PREFIX; and test (id -u) -ne 0
    for guaraos_brew in /home/linuxbrew/.linuxbrew/bin/brew /var/home/linuxbrew/.linuxbrew/bin/brew
        if test -x $guaraos_brew
            $guaraos_brew shellenv fish | source
            break
        end
    end
    set -e guaraos_brew
end

if status is-interactive
    if type -q atuin
        atuin init fish | source
    end

    if type -q starship
        starship init fish | source
    end

    if type -q zoxide
        zoxide init fish | source
    end

    if type -q eza
        alias ls 'eza --icons=auto'
    end
end
