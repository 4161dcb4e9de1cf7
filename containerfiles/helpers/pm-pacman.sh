# shellcheck shell=bash
# The functions of pacman for `group` and `upgrade`; group says what each of them owes.
# Sourced, so nothing runs here.
# shellcheck disable=SC2119,SC2120 # only arch-setup names repositories to full_upgrade
export PM_TOOL=pacman

# pacman 7 downloads in a sandbox that not every kernel, and no container, lets it make. Older ones know no such option.
unboxed=()
case $(pacman -S --help 2>/dev/null) in *--disable-sandbox*) unboxed=(--disable-sandbox) ;; esac

pacman_quietly() { pacman --noconfirm --noprogressbar --color never "${unboxed[@]}" "$@"; }

# Keyrings come first: a package may be signed by somebody whom only the newer keyring knows. To trust its keys, the keyring's
# script needs pacman's own secret key, which no layer keeps.
read_lists() {
    local outdated keyrings=()
    pacman_quietly -Sy
    outdated=$(pacman -Quq) || true # it fails where there is nothing to upgrade
    mapfile -t keyrings < <(grep -xE '(archlinux|cachyos|chaotic)-keyring' <<<"$outdated" || true)
    [ ${#keyrings[@]} -gt 0 ] || return 0
    [ -d "$(pacman-conf GPGDir)/private-keys-v1.d" ] || pacman-key --init
    pacman_quietly -S --needed -- "${keyrings[@]}"
}

# full_upgrade [REPO…]: what the REPOs have is installed from them. By itself pacman keeps an installed package of the same version,
# whoever built it. One transaction, so that no package is newer than what it needs.
full_upgrade() {
    local theirs='' installed packages
    read_lists
    if [ $# -gt 0 ]; then
        theirs=$(pacman -Slq -- "$@" | sort -u)
        # Another repository's file may have the same name: pacman would take it, and refuse its sum.
        empty_cache
    fi
    installed=$(pacman -Qq | sort)
    mapfile -t packages < <(comm -12 <(echo "$installed") <(echo "$theirs"))
    pacman_quietly -Su -- "${packages[@]}"
}

# A full upgrade and not only new lists: Arch supports no package that is newer than the libraries it needs, and
# a layer from the cache may be weeks older than the lists. In a build from the start there is nothing to do.
pm_refresh() {
    "${here:-/usr/libexec/slipway}"/fill-var
    full_upgrade
}

pm_install() { pacman_quietly -S --needed -- "$@"; }

# DIR holds what was built for PKG…, and what those need from the AUR: the latter is marked as a dependency.
pm_install_files() {
    local dir=$1 file name package archives=() needed=()
    shift
    for package in "$@"; do
        [ -n "$(package_file "$dir" "$package")" ] || { echo "error: no package file of $package in $dir"; return 1; }
    done
    for file in "$dir"/*.pkg.tar.zst; do
        archives+=("$file")
        name=$(file_package "$file")
        case " $* " in *" $name "*) ;; *) needed+=("$name") ;; esac
    done
    pacman_quietly -U --needed -- "${archives[@]}"
    [ ${#needed[@]} -eq 0 ] || pacman -D --asdeps -- "${needed[@]}"
}

# -dd: what replaces the package comes next, and those that need it must not go with it.
pm_remove() { pacman_quietly -Rdd -- "$1"; }

pm_list() { pacman -Qq | sort; }

pm_owned() { pacman -Qlq | grep -v '/$' | sort -u; }

# The names of packages, of pacman's groups and of what packages provide: all that -S takes.
pm_exists() { pacman -Sddp --print-format %n -- "$1" >/dev/null; }

pm_upgrade() {
    "${here:-/usr/libexec/slipway}"/fill-var
    full_upgrade
    "${here:-/usr/libexec/slipway}"/aur-build --upgrade
    # The last step with packages: lists in an image are only old lists.
    rm -rf "$(pacman-conf DBPath)"/sync
}

empty_cache() {
    local dir
    pacman-conf CacheDir | while IFS= read -r dir; do
        [ ! -d "$dir" ] || find "$dir" -mindepth 1 -delete
    done
}

# The lists stay for the next group (an upgrade, which comes last, removes them), downloaded packages go. A record of when
# something was installed would make every build a different one: the log loses its times, and a package counts as
# installed when it was built.
pm_tidy() {
    local log database
    empty_cache
    log=$(pacman-conf LogFile)
    [ ! -e "$log" ] || sed -i -E 's/^\[[0-9]{4}-[^]]*\] //' "$log"
    database=$(pacman-conf DBPath)
    # A record that is still newer than its package's build time has not been seen by an earlier tidying.
    find "$database/local" -name desc -newer "$database/local/ALPM_DB_VERSION" -print0 |
        xargs -0r sed -i -e '/^%BUILDDATE%$/{n;h;}' -e '/^%INSTALLDATE%$/{n;g;}'
    touch "$database/local/ALPM_DB_VERSION"
}

# NAME-VERSION-RELEASE-ARCH.pkg.tar.zst: only NAME may hold further dashes.
file_package() {
    local name=${1##*/}
    name=${name%-*} name=${name%-*}
    echo "${name%-*}"
}

package_file() {
    local file
    for file in "$1"/"$2"-*.pkg.tar.zst; do
        # where there is none, the pattern itself is left
        if [ -e "$file" ] && [ "$(file_package "$file")" = "$2" ]; then
            echo "$file"
            return
        fi
    done
}
