#!/bin/sh
# The guard over a switch to another image. `arm` leaves it on the machine; after the reboot `check` keeps the new system if it
# is healthy, and goes back to the one before if it is not. Then it removes itself.
#
# - Whose turn it is tells bootc's digest of the booted image: the expected one is judged, any other is left alone.
# - What `arm` writes lies in /etc. A new deployment gets it with the merge of /etc, and the one before has it too: whichever
#   system comes up knows what was meant.
# - The outcome lies in /var, which both share. "rolled-back" is written by the system before, once it is up again: a power cut
#   in the middle of going back means another try, and whoever boots the refused system later on purpose is left alone.
# - It starts early and waits by itself, also in the rescue and emergency modes, so that a boot that gets stuck is judged too.
set -eu
umask 022

root=${SLIPWAY_HOST:-}
home=$root/etc/slipway/guard
units=$root/etc/systemd/system
state=$root/var/lib/slipway/guard
unit=slipway-guard.service
targets="multi-user rescue emergency"
folder=$(dirname "$0")
self=$folder/$(basename "$0")

say() { printf 'slipway-guard: %s\n' "$*" >&2; }

# The string at a dotted path of a JSON document on stdin. No image is sure to have jq, every one has awk.
json() {
    awk -v want="$1" '
        { text = text $0 "\n" }
        END {
            length_of_text = length(text)
            for (i = 1; i <= length_of_text; i++) {
                c = substr(text, i, 1)
                if (c == "\"") {
                    word = ""
                    for (i++; i <= length_of_text && (c = substr(text, i, 1)) != "\""; i++) {
                        if (c == "\\") c = substr(text, ++i, 1)
                        word = word c
                    }
                    if (is_key[depth]) { key[depth] = word; continue }
                    path = key[1]
                    for (d = 2; d <= depth; d++) path = path "." key[d]
                    if (path == want) { print word; exit }
                }
                else if (c == "{") { depth++; object[depth] = is_key[depth] = 1; key[depth] = "" }
                else if (c == "[") { depth++; object[depth] = is_key[depth] = 0; key[depth] = "[]" }
                else if (c == "}" || c == "]") depth--
                else if (c == ":") is_key[depth] = 0
                else if (c == ",") is_key[depth] = object[depth]
            }
        }'
}

booted_digest() { bootc status --format=json 2>/dev/null | json status.booted.image.imageDigest; }

# What tells one deployment from another where bootc does not answer. The path that ostree= names changes with every new
# deployment, what it points to does not.
deployment() {
    tr -s ' ' '\n' <"$root/proc/cmdline" | while read -r word; do
        case $word in
            ostree=*) readlink -f "$root/sysroot${word#ostree=}" || true ;;
            composefs=*) echo "$word" ;;
        esac
    done
}

boot_id() { cat "$root/proc/sys/kernel/random/boot_id" 2>/dev/null || true; }

failed_units() {
    systemctl list-units --state=failed --plain --no-legend --no-pager 2>/dev/null |
        awk -v own="$unit" 'NF && $1 != own { print $1 }' | sort
}

setting() { sed -n "s/^$1 //p" "$home/settings"; }

outcome() { [ ! -e "$state" ] || sed -n "s/^$1 //p" "$state"; }

# Whole or not at all, whatever happens in between.
put() { # FILE, the text on stdin
    cat >"$1.new"
    mv "$1.new" "$1"
}

remember() { # OUTCOME BECAUSE
    if ! { mkdir -p "$(dirname "$state")" &&
        printf 'outcome %s\nexpect %s\nimage %s\nbecause %s\n' "$1" "$(setting expect)" "$(setting image)" "$2" |
        put "$state"; }; then
        say "the outcome could not be written to $state"
    fi
    sync
}

disarm() {
    for target in $targets; do rm -f "$units/$target.target.wants/$unit"; done
    rm -f "$units/$unit"
    rm -rf "$home"
    rmdir "$root/etc/slipway" 2>/dev/null || true
    systemctl daemon-reload 2>/dev/null || true
}

arm() {
    expect='' before='' image='' health='' limit=600 settle=20
    while [ $# -gt 0 ]; do
        [ $# -ge 2 ] || { say "arm: $1 needs a value"; exit 2; }
        case $1 in
            --expect) expect=$2 ;;
            --before) before=$2 ;;
            --image) image=$2 ;;
            --health) health=$2 ;;
            --limit) limit=$2 ;;
            --settle) settle=$2 ;;
            *) say "arm: unknown option $1"; exit 2 ;;
        esac
        shift 2
    done
    [ -n "$expect" ] || { say "arm: --expect is missing"; exit 2; }

    mkdir -p "$home" "$units"
    rm -f "$state"
    [ "$self" = "$home/guard.sh" ] || put "$home/guard.sh" <"$self"
    failed_units | put "$home/failed-before"
    # A switch that is run again to go on where it stopped does not take the health command back by saying nothing of it.
    if [ -n "$health" ]; then printf '%s\n' "$health" | put "$home/health"
    elif [ ! -e "$home/settings" ] || [ "$(setting expect)" != "$expect" ]; then rm -f "$home/health"; fi
    put "$home/settings" <<END
expect $expect
before $before
image $image
limit $limit
settle $settle
boot $(boot_id)
deployment $(deployment)
END
    put "$units/$unit" <<END
[Unit]
Description=Slipway's guard: keeps the new system if it is healthy, else goes back to the one before
ConditionPathExists=/etc/slipway/guard/settings
DefaultDependencies=no
After=local-fs.target
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/bin/sh /etc/slipway/guard/guard.sh check
END
    # The links come last: without them nothing starts, so a guard that is half written does nothing.
    for target in $targets; do
        mkdir -p "$units/$target.target.wants"
        ln -sfn "../$unit" "$units/$target.target.wants/$unit"
    done
    sync
}

# A line for each thing that is wrong with the booted system.
troubles() {
    limit=$(setting limit)
    system=$(timeout "$limit" systemctl is-system-running --wait 2>/dev/null) || true
    case $system in
        running | degraded) sleep "$(setting settle)" ;;
        '' | initializing | starting) echo "the system was still starting after $limit seconds"; return ;;
        *) echo "the system is in the state $system"; return ;;
    esac
    failed_units | grep -vxF -f "$home/failed-before" | sed 's/$/ failed, and did not before/' || true
    # Pulls in the health checks of others, and fails if one that it requires does.
    timeout "$limit" systemctl start boot-complete.target 2>/dev/null || echo "boot-complete.target is not reached"
    if [ -e "$home/health" ] && ! timeout "$limit" sh "$home/health" >&2; then
        echo "the health command failed: $(head -n 1 "$home/health")"
    fi
}

go_back() { # BECAUSE
    say "going back to the system before: $1"
    remember rolling-back "$1"
    bootc rollback --apply && return
    say "bootc rollback failed: choose the system before in the boot menu"
    remember rollback-failed "$1"
    disarm
    exit 1
}

check() {
    [ -e "$home/settings" ] || exit 0
    digest=$(booted_digest) || digest=''
    expect=$(setting expect)
    if [ -z "$digest" ]; then
        here=$(deployment)
        there=$(setting deployment)
        # Going back from the system before would lead to the new one: only what is surely new is left.
        if [ -n "$here" ] && [ -n "$there" ] && [ "$here" != "$there" ]; then
            go_back "bootc does not say what is booted"
            exit 0
        fi
        say "bootc does not say what is booted: leaving it alone"
        remember unknown "bootc does not say what is booted"
        disarm
        exit 1
    elif [ "$digest" = "$expect" ]; then
        if [ "$(outcome outcome) $(outcome expect)" = "rolled-back $expect" ]; then
            say "this system was left before as unhealthy ($(outcome because)), and booted again on purpose: leaving it alone"
            disarm
            exit 0
        fi
        wrong=$(troubles | tr '\n' ';' | sed 's/;$//; s/;/; /g')
        [ -z "$wrong" ] || { go_back "$wrong"; exit 0; }
        say "$(setting image) is healthy: it stays"
        remember good ""
        disarm
    elif [ "$(boot_id)" = "$(setting boot)" ]; then
        say "armed in this boot: the reboot is still to come"
    elif [ "$digest" = "$(setting before)" ] && [ "$(outcome outcome)" = rolling-back ]; then
        say "this is the system before again: $(outcome because)"
        remember rolled-back "$(outcome because)"
        disarm
    else
        say "$(setting image) is not what was booted: nothing to guard"
        remember not-booted "booted is $digest"
        disarm
    fi
}

case ${1:-} in
    arm) shift; arm "$@" ;;
    check) check ;;
    disarm) disarm ;;
    *) say "arm, check or disarm?"; exit 2 ;;
esac
