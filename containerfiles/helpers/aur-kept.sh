# shellcheck shell=bash
# What aur-build does with a package that cannot be built: it says which source is another than the recipe's, and an upgrade may
# leave the package as it is. Sourced, so nothing runs here. as_builder is aur-build's.

# Prints which sources of a package are not those of its recipe, and how they differ. makepkg names such a file, but no sum; it goes
# through the sources in the recipe's order. Source: makepkg's verify_checksum.sh.
stale_sources() { # PKG FOLDER SAID
    local list sums place file expected found=''
    while read -r list sums place file; do
        # A recipe may print such lines too, and these words go into a command.
        [[ "$list $sums" =~ ^source(_[a-z0-9_]+)?\ (ck|md5|sha1|sha224|sha256|sha384|sha512|b2)sums$ ]] || continue
        expected=$(sed -n "s/^[[:space:]]*$sums${list#source} = //p" "$2/.SRCINFO" | sed -n "${place}p")
        found=$(cd "$2" && as_builder "${sums%s}" -- "$file" | cut -d ' ' -f 1) || found=unreadable
        echo "slipway: aur-build: $1: $file is not what its recipe says"
        echo "    the recipe: $sums $expected"
        echo "    the file:   $sums $found"
    done < <(awk '
        $2 == "Validating" { list = $3; sums = $6; sub(/\.+$/, "", sums); place = 0 }
        / \.\.\. (Passed|Skipped|FAILED)$/ { place++ }
        sub(/ \.\.\. FAILED$/, "") { sub(/^ +/, ""); print list, sums, place, $0 }
    ' "$3")
    [ -z "$found" ] || echo "    somebody replaced the file at its address, or the recipe is behind it: wait for a newer recipe, or write onFailure: keep in aur"
}

# Runs a command in a shell of its own; $status says how it ended. As a condition it would go on after a failure.
try() {
    set +e
    (set -e; "$@")
    status=$?
    set -e
    [ "$status" -eq 0 ] || [ "${AUR_ON_FAILURE:-fail}" = keep ] || exit "$status"
}
