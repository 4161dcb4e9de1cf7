# shellcheck shell=bash
# The functions of dnf for `group` and `upgrade`; group says what each of them owes. Sourced, so nothing runs here.
export PM_TOOL=dnf

# The scripts of a kernel would make an initramfs for every change of it; `initramfs` makes the one at the end: kernel-install(8).
export KERNEL_INSTALL_BYPASS=1
# rpm's times of installation: with today's, every build would be another image.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}

# No weak dependencies: a flavor's list says what is in it. Every package's signature is checked, whatever a repository's file says,
# and a repository that does not answer is an error: without it old packages would stay.
# No package is "install only": a kernel is replaced by the next one, because an image has one.
dnf_quietly() {
    local dnf
    dnf=$(command -v dnf5) || dnf=dnf
    "$dnf" -y --setopt=install_weak_deps=False --setopt=gpgcheck=True --setopt='*.gpgcheck=True' \
        --setopt='*.skip_if_unavailable=False' --setopt=installonlypkgs= "$@"
}

pm_refresh() {
    # Packages' scripts count on what their own packages have in /var.
    [ -d /var/lib ] || systemd-tmpfiles --create --prefix=/var || true
    "${here:-/usr/libexec/slipway}"/fill-var
    dnf_quietly makecache --refresh
}

pm_install() { dnf_quietly install -- "$@"; }

pm_install_files() {
    local dir=$1 package file files=()
    shift
    for package in "$@"; do
        file=$(package_file "$dir" "$package")
        [ -n "$file" ] || { echo "error: no package file of $package in $dir"; return 1; }
        files+=("$(realpath "$file")")
    done
    dnf_quietly install -- "${files[@]}"
}

# rpm and not dnf: what replaces the package comes next, and those that need it must not go with it.
pm_remove() { rpm -e --nodeps -- "$1"; }

# Asked for alone: other words than these (a conflict, say) mean that there is such a package.
pm_exists() {
    local said
    said=$(dnf_quietly --assumeno install -- "$1" 2>&1) || ! grep -q '^No match for argument: ' <<<"$said"
}

# rpm keeps the keys that it trusts as packages.
pm_list() { rpm -qa --qf '%{NAME}\n' | sed '/^gpg-pubkey$/d' | sort -u; }

# A package may still name /lib/x for /usr/lib/x, and /usr/sbin is a link in newer systems.
pm_owned() {
    local sbin=/usr/sbin
    [ ! -L /usr/sbin ] || sbin=/usr/bin
    rpm -qal | sed -n -e 's#^/\(bin\|sbin\|lib\|lib64\)/#/usr/\1/#' -e "s#^/usr/sbin/#$sbin/#" -e '/^\//p' | sort -u
}

pm_upgrade() { dnf_quietly upgrade; }

# Lists and caches are big and of today, dnf's history has the time in it. A database that is broken is found here, and not on a machine.
pm_tidy() {
    local folder
    for folder in /var/cache/libdnf5 /var/cache/dnf /var/lib/dnf; do
        [ ! -d "$folder" ] || find "$folder" -xdev -mindepth 1 -delete
    done
    rm -f /usr/lib/sysimage/libdnf5/transaction_history.sqlite*
    rpmdb --verifydb
}

package_file() {
    local file
    for file in "$1"/*.rpm; do
        if [ -f "$file" ] && [ "$(rpm -qp --qf '%{NAME}' -- "$file")" = "$2" ]; then
            echo "$file"
            return
        fi
    done
}
