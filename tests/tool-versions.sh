#!/bin/bash
# Tries the rows of docs/tool-versions.md with the podman of the PATH: one line a row. Run by hand, as root, after a new version.
# With --deep it builds an image of 129 layers too. A machine with low limits needs the settings of `.slipway/containers.conf`
# (CONTAINERS_CONF). It works in a folder and a storage of its own, and removes both. Needs a static busybox (Debian: busybox-static).
set -u
work=$(mktemp -d)
export CONTAINERS_STORAGE_CONF=$work/storage.conf BUILDAH_ISOLATION=chroot PODMAN_IGNORE_CGROUPSV1_WARNING=1
printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/graph"\nrunroot = "%s/run"\n' "$work" "$work" >"$CONTAINERS_STORAGE_CONF"
trap 'podman image unmount --all --force >/dev/null 2>&1; umount -l "$work/graph/overlay" 2>/dev/null; rm -rf "$work"' EXIT

row() { printf '| %s | %s |\n' "$1" "$2"; }
# podman's last words, without colours, times and names that change
words() { tail -n 1 "$work/said" | sed "s/\x1b\[[0-9;]*m//g; s#$work#WORK#g" | cut -c 1-160; }
build() { (cd "$work/ctx" && podman build --quiet --layers --network host "$@") >"$work/id" 2>"$work/said"; }
content() { at=$(podman image mount "$(tail -n 1 "$work/id")") && cat "$at/$1" 2>/dev/null; }
# try NAME CONTAINERFILE FILE CONTENT: whether it builds, and whether the file has that content
try() {
    printf '%b' "$2" >"$work/ctx/Containerfile"
    if ! build .; then row "$1" "refused: $(words)"; return; fi
    [ "$(content "$3")" = "$4" ] && row "$1" built || row "$1" "**built, with other content**"
}
# again NAME CONTAINERFILE: whether a second build has what was edited; EDIT changes it
again() {
    printf 'one\n' >"$work/ctx/file"
    printf '%b' "$2" >"$work/ctx/Containerfile"
    if ! build .; then row "$1" "refused: $(words)"; return; fi
    printf 'two\n' >"$work/ctx/file"
    [ -z "${3:-}" ] || printf '%b' "$3" >"$work/ctx/Containerfile"
    build . || { row "$1" "refused the second time: $(words)"; return; }
    [ "$(content out)" = two ] && row "$1" "built anew" || row "$1" "**the old layer from the cache**"
}

mkdir -p "$work/ctx/a" "$work/root/bin" "$work/root/opt" "$work/root/tmp"
busybox=$(command -v busybox) || { echo "busybox is not on the PATH: apt-get install busybox-static" >&2; exit 3; }
cp "$busybox" "$work/root/bin/busybox"
for name in sh cat true; do ln -s busybox "$work/root/bin/$name"; done
tar -C "$work/root" -c . | podman import --quiet - localhost/base >/dev/null 2>&1 || { echo "podman import failed" >&2; exit 1; }
printf 'text\n' | tee "$work/ctx/a/x.conf" "$work/ctx/a/y.o" "$work/ctx/file" >/dev/null

podman --version
buildah --version 2>/dev/null
skopeo --version 2>/dev/null
try 'COPY a/\*.conf /' 'FROM scratch\nCOPY a/*.conf /\n' x.conf text
try 'COPY \["file", "/out"\]' 'FROM scratch\nCOPY ["file", "/out"]\n' out text
try 'copy ${D}/x.conf /' 'FROM scratch\nARG D=a\ncopy ${D}/x.conf /\n' x.conf text
try 'comment between continued lines' 'FROM scratch\nCOPY file \\\n# comment\n  /out\n' out text
try 'COPY <<EOF /out' 'FROM scratch\nCOPY <<EOF /out\ntext\nEOF\n' out text
try 'COPY --chmod=0600' 'FROM scratch\nCOPY --chmod=0600 file /out\n' out text
try 'COPY --exclude=\*.o' 'FROM scratch\nCOPY --exclude=*.o a /\n' x.conf text
try 'COPY --parents' 'FROM scratch\nCOPY --parents a/x.conf /\n' a/x.conf text
try 'COPY --link' 'FROM scratch\nCOPY --link file /out\n' out text
again 'RUN --mount=type=bind,source=file' 'FROM localhost/base\nRUN --mount=type=bind,source=file,target=/run/f cat /run/f >/out\n'
again 'the same, with a digest as Slipway writes it' \
    'FROM localhost/base\nRUN --mount=consistency=sha256:1,type=bind,source=file,target=/run/f cat /run/f >/out\n' \
    'FROM localhost/base\nRUN --mount=consistency=sha256:2,type=bind,source=file,target=/run/f cat /run/f >/out\n'
again 'RUN --mount=from=stage' \
    'FROM localhost/base AS s\nCOPY file /f\nARG END=\nFROM localhost/base\nRUN --mount=type=bind,from=s,source=/f,target=/run/f cat /run/f >/out\n'
again 'RUN cat <<EOF (the text is edited)' 'FROM localhost/base\nRUN cat >/out <<EOF\none\nEOF\n' \
    'FROM localhost/base\nRUN cat >/out <<EOF\ntwo\nEOF\n'
for target in /opt /tmp; do
    printf 'FROM localhost/base\nRUN --mount=type=tmpfs,target=%s true\n' $target >"$work/ctx/Containerfile"
    if ! build .; then row "RUN --mount=type=tmpfs,target=$target" "refused: $(words)"; continue; fi
    at=$(podman image mount "$(tail -n 1 "$work/id")")
    [ -x "$at/bin/sh" ] && [ -d "$at$target" ] && row "RUN --mount=type=tmpfs,target=$target" "the folder stays" ||
        row "RUN --mount=type=tmpfs,target=$target" "**files are lost** (sh: $([ -x "$at/bin/sh" ] && echo there || echo gone))"
done
odd="$work/o,d:d x"
mkdir -p "$odd"
printf 'FROM scratch\nCOPY file /out\n' >"$odd/Containerfile"
build --file "\"$odd/Containerfile\"" . && row 'a Containerfile below a comma, colon, space' built ||
    row 'a Containerfile below a comma, colon, space' "refused: $(words)"
podman save --quiet --format oci-dir --output "$odd/image" localhost/base >/dev/null 2>"$work/said" &&
    row 'podman save to such a path' works || row 'podman save to such a path' "refused: $(words)"
for name in '[::1]:1/name' 'registry:5000/name' '127.0.0.1:1/name'; do
    began=$SECONDS
    timeout 120 podman pull --quiet "$name" >"$work/said" 2>&1
    row "podman pull $name" "$(words) ($((SECONDS - began)) s)"
done
[ "${1:-}" = --deep ] || exit 0 # minutes
{
    echo 'FROM localhost/base'
    for ((i = 0; i < 128; i++)); do echo "COPY file /f$i"; done
    echo 'RUN true'
} >"$work/ctx/Containerfile"
if build .; then row 'a RUN on 129 layers' built; else row 'a RUN on 129 layers' "refused: $(words)"; fi
