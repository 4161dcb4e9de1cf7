# shellcheck shell=sh
# Places where tools put a user's own programs, each once: in front what the user chose, at the end what Flatpak exports.
guaraos_path() {
    case ":$PATH:" in
        *":$2:"*) ;;
        *) if [ "$1" = front ]; then PATH=$2:$PATH; else PATH=$PATH:$2; fi ;;
    esac
}
# From the last to the first: each is put before the one before it.
guaraos_path front "$HOME/go/bin"
guaraos_path front "$HOME/.npm-global/bin"
guaraos_path front "$HOME/.cargo/bin"
guaraos_path front "$HOME/.local/bin"
guaraos_path front "$HOME/bin"
guaraos_path end /var/lib/flatpak/exports/bin
export PATH
unset -f guaraos_path
