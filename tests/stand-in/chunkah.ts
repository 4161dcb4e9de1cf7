/**
 * A stand-in for coreos/chunkah, which no registry gives here: a container image whose entry point takes the same words,
 * goes by `user.component` in the same way (a file's own, else the nearest folder's), and writes an archive of the same form. It
 * records how it was called in the labels of what it writes.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureLocalDebian } from "../../lib/tools/debian-image.ts";
import type { Project } from "../support/sandbox.ts";

const script = `#!/usr/bin/perl
use strict;
my ($getxattr, $lgetxattr) = (191, 192);
die "chunkah: what is $ARGV[0]?\\n" if shift(@ARGV) ne "build";
my @args = @ARGV;
my %is;
while (@args) { my $name = shift @args; $name =~ s/^--// or die "chunkah: what is $name?\\n"; $is{$name} = shift @args; }
sub slurp { local $/; open my $f, "<", $_[0] or die "$_[0]: $!\\n"; my $text = <$f>; return $text; }
sub put { open my $f, ">", $_[0] or die "$_[0]: $!\\n"; print $f $_[1]; close $f; }
sub own {
    my ($path, $name, $value) = ($_[0], "user.component", "\\0" x 256);
    my $n = syscall(-l $path ? $lgetxattr : $getxattr, $path, $name, $value, 256);
    return $n > 0 ? substr($value, 0, $n) : undef;
}
my $root = $is{rootfs};
my %members;
open my $find, "-|", "find", $root, "-mindepth", "1", "-printf", "%P\\\\0" or die;
{ local $/ = "\\0"; while (my $path = <$find>) {
    chomp $path;
    die "chunkah: unsupported file type: $path\\n" unless -l "$root/$path" || -f _ || -d _;
    my $component;
    for (my $at = $path; !defined $component && $at ne ""; $at =~ s{/?[^/]*$}{}) { $component = own("$root/$at"); }
    push @{$members{defined $component ? "xattr/$component" : "chunkah/unclaimed"}}, $path;
} }
die "chunkah: more components than layers\\n" if keys %members > $is{"max-layers"};
chdir "/tmp";
mkdir $_ for "o", "o/blobs", "o/blobs/sha256";
sub blob {
    my ($path) = @_;
    my ($hash) = \`sha256sum $path\` =~ /^(\\w+)/;
    my $size = -s $path;
    rename $path, "o/blobs/sha256/$hash" or die $!;
    return ("sha256:$hash", $size);
}
my (@layers, @diffs);
for my $name (sort keys %members) {
    put("list", join("\\0", sort @{$members{$name}}));
    system("tar", "-C", $root, "--no-recursion", "--null", "-T", "/tmp/list", "--xattrs", "--xattrs-include=*",
        "--numeric-owner", "-cf", "layer") == 0 or die "tar failed\\n";
    my ($digest, $size) = blob("layer");
    push @diffs, qq("$digest");
    push @layers, qq({"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"$digest","size":$size,"annotations":{"org.chunkah.component":"$name"}});
}
my $config = slurp($is{config});
my %record = (words => "@ARGV", epoch => $ENV{SOURCE_DATE_EPOCH}, config => unpack("H*", $config));
my $labels = join ",", map { qq("stand-in.$_":"$record{$_}") } sort keys %record;
put("c", qq({"architecture":"amd64","os":"linux","config":{"Labels":{$labels}},"rootfs":{"type":"layers","diff_ids":[) . join(",", @diffs) . "]}}");
my ($config_digest, $config_size) = blob("c");
put("m", qq({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"$config_digest","size":$config_size},"layers":[) . join(",", @layers) . "]}");
my ($manifest, $manifest_size) = blob("m");
put("o/index.json", qq({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"$manifest","size":$manifest_size}]}));
put("o/oci-layout", qq({"imageLayoutVersion":"1.0.0"}));
system("tar", "-C", "o", "-cf", $is{output}, ".") == 0 or die "tar failed\\n";
`;

/** @returns its name by digest, as the manifest wants it. */
export async function standInChunkah(project: Project, folder: string): Promise<string> {
  const base = await ensureLocalDebian("trixie", { log: join(folder, "log"), now: () => undefined });
  writeFileSync(join(folder, "chunkah"), script, { mode: 0o755 });
  const recipe = `FROM ${base}\nCOPY chunkah /usr/bin/chunkah\nENTRYPOINT ["chunkah"]\n`;
  writeFileSync(join(folder, "Containerfile"), recipe);
  const name = "localhost/slipway-stand-in/chunkah";
  const built = await project.podman("build", "--quiet", "--timestamp=1", "--tag", name, folder);
  if (built.code !== 0) throw new Error(built.stderr);
  const { stdout } = await project.podman("image", "inspect", "--format", "{{.Digest}}", name);
  return `${name}@${stdout.trim()}`;
}
