# shellcheck shell=bash
# The functions of apt for `group` and `upgrade`; group says what each of them owes. debian-setup made the ground.
export PM_TOOL=apt-get

dpkg_db=/usr/lib/sysimage/dpkg
# dpkg-query and the packages' scripts would look below /var, where a finished image has nothing.
export DPKG_ADMINDIR=$dpkg_db
export DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
# The kernel's script would make an initramfs for every change of the kernel; `initramfs` makes the one at the end.
export INITRD=No

apt_sources=()
# No recommendations: a flavor's list says what is in it. --force-confnew: nobody is there to be asked.
apt_quietly() {
    mirror_sources
    apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confnew \
        -o Acquire::Retries=3 ${apt_sources[@]+"${apt_sources[@]}"} "$@"
}

# With DEBIAN_MIRROR the packages come from there, while the image goes on naming the addresses of its base.
mirror_sources() {
    local file copies=/run/slipway-sources
    [ -n "${DEBIAN_MIRROR:-}" ] || return 0
    mkdir -p "$copies"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        sed -E "s#https?://[^ ]*/debian/?( |\$)#${DEBIAN_MIRROR%/}\\1#g" "$file" >"$copies/${file##*/}"
    done
    apt_sources=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$copies")
}

pm_refresh() {
    "${here:-/usr/libexec/slipway}"/debian-state
    # No service starts in a build. Gone again with pm_tidy, so no layer has it.
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 0755 /usr/sbin/policy-rc.d
    # Otherwise a list that could not be had is a warning, and old packages are installed.
    apt_quietly -o APT::Update::Error-Mode=any update
}

pm_install() { apt_quietly install -- "$@"; }

# A file is NAME_VERSION_ARCH.deb, and a package's name has no underscore.
pm_install_files() {
    local dir=$1 package file files=()
    shift
    for package in "$@"; do
        for file in "$dir/${package}"_*.deb; do
            [ -f "$file" ] || { echo "E: no package file of $package in $dir"; return 1; }
            files+=("$(realpath "$file")")
        done
    done
    apt_quietly install -- "${files[@]}"
}

# dpkg and not apt: what replaces the package comes next, and those that need it must not go with it.
pm_remove() { dpkg --purge --force-depends -- "$1"; }

# Asked for alone: other words than these (a conflict, say) mean that there is such a package.
pm_exists() {
    local said
    said=$(apt_quietly -s install -- "$1" 2>&1) || ! grep -qE 'Unable to locate package|no installation candidate' <<<"$said"
}

pm_list() { dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u; }

# A package may still name /lib/x for /usr/lib/x. A diverted file lies where dpkg-divert sent it. The kernel is where
# merge-etc moved it.
pm_owned() {
    {
        cat "$dpkg_db"/info/*.list
        dpkg-divert --list | sed -n 's/.* to \(.*\) by .*/\1/p; s/^local diversion of .* to \(.*\)/\1/p'
    } | sed -e 's#^/\(bin\|sbin\|lib\|lib32\|lib64\|libx32\)/#/usr/\1/#' \
        -e 's#^/boot/\(vmlinuz\|System\.map\|config\)-\(.*\)#/usr/lib/modules/\2/\1#' | sort -u
}

pm_upgrade() {
    apt_quietly dist-upgrade
    apt_quietly --purge autoremove
    remove_old_kernels
}

# apt keeps the kernel before the last one, for a machine that must boot when the new one does not; there the whole
# image before takes that part, and an image has one kernel.
remove_old_kernels() {
    local version newest='' old=()
    for version in $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'linux-image-[0-9]*' 2>/dev/null |
        sed -n 's/^installed linux-image-//p' | sort -V); do
        [ -z "$newest" ] || old+=("$newest")
        newest=$version
    done
    [ ${#old[@]} -gt 0 ] || return 0
    apt_quietly --purge remove -- "${old[@]/#/linux-image-}"
    for version in "${old[@]}"; do rm -rf "/usr/lib/modules/$version"; done
}

# Lists and caches are big and of today, logs and the -old copies have the time in them.
pm_tidy() {
    rm -f /usr/sbin/policy-rc.d
    rm -rf /run/slipway-sources
    find /var/lib/apt/lists /var/cache/apt -xdev -type f -delete
    rm -rf /var/lib/apt/lists/auxfiles
    rm -f "$dpkg_db"/*-old "$dpkg_db"/lock* "$dpkg_db"/triggers/Lock /usr/lib/sysimage/debconf/*-old
}
