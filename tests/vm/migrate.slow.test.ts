// needs: toolbox minimal
// reaches: build migrate install-flatpaks update lib/host/program.ts flavors/ overlays/ containerfiles/ tests/vm/migrate/
// guara-migrate where it is meant to run: Debian's systemd-homed, PAM and sshd in a guest whose /etc and /home are those of
// Bazzite. The program is the one that images carry. The tests of this file follow each other.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { steps } from "../../lib/host/migrate/steps/all.ts";
import { machineNames } from "../../lib/host/names.ts";
import { defineNames } from "../../lib/system/machine-names.ts";
import { repository } from "../support/flatpak-machine.ts";
import { TestMachine } from "../support/guests.ts";
import { checkout, exec, Project } from "../support/sandbox.ts";
import { keys } from "../support/terminal.ts";

setDefaultTimeout(1_200_000);

const reference = "ghcr.io/guara92/guaraos-moving-in:amd64";
const project = new Project();
const machine = new TestMachine("migrate");
const password = "correct-horse-7";
/** What is kept of the home that lay-out makes. */
const kept =
  ".ssh .gnupg .mozilla .config/BraveSoftware .config/Code .local/share/Steam .local/share/keyrings .local/share/containers .var Documents Pictures 'My Games'";
const answers = {
  user: "ana",
  groups: ["video", "media", "sudo", "audio", "games"],
  shell: "/bin/bash",
  flatpaks: false,
  confirm: "MIGRATE",
};

/** The program, by its own name; and the same code run step by step: it dies when a step is done. */
const migrate = "guara-migrate --answers /root/answers.json";
const dying =
  "env BUN_BE_BUN=1 guara-migrate --preload /usr/lib/moving-in/die-after-step.js /usr/lib/moving-in/migrate.js --answers /root/answers.json";

async function bun(...words: string[]): Promise<void> {
  const { code, stderr } = await exec([process.execPath, ...words]);
  if (code !== 0) throw new Error(stderr);
}

beforeAll(async () => {
  const files = join(checkout, "tests/vm/migrate");
  const lib = join(project.root, "overlays/moving-in/usr/lib/moving-in");
  for (const name of ["show", "log-in"]) cpSync(join(files, name), join(lib, name));
  project.write("overlays/moving-in/etc/ssh/sshd_config.d/10-passwords.conf", "PasswordAuthentication yes\n");
  const names = defineNames(machineNames);
  const bundle = (source: string, name: string) =>
    bun("build", "--target=bun", ...names, source, "--outfile", join(lib, name));
  await bundle(join(checkout, "scripts/migrate.ts"), "migrate.js");
  await bundle(join(files, "die-after-step.ts"), "die-after-step.js");
  cpSync(join(files, "flavor.yaml"), join(project.root, "flavors/moving-in.yaml"));
  cpSync(join(files, "moving-in.Containerfile"), join(project.root, "containerfiles/moving-in.Containerfile"));
  await project.takeMinimal();
  const { code, stderr } = await project.slipway("build", "amd64", "moving-in");
  if (code !== 0) throw new Error(stderr);
  await machine.take(reference, { filesystem: "btrfs" });
  await machine.boot({ memory: 1536 });
  const layOut = readFileSync(join(files, "lay-out"), "utf8");
  await machine.guest.must(["bash", "-s", password], { stdin: layOut });
  await machine.sh(`
    cat >/root/answers.json <<'END'
${JSON.stringify(answers)}
END
    mkdir -p /root/before
    cd /root/before
    /usr/lib/moving-in/show /etc >etc
    /usr/lib/moving-in/show /var/home/ana >home
    (cd /var/home/ana && find . -printf '%i %p\\n' | sort) >inodes
    /usr/lib/moving-in/show /var/home/ana ${kept} >kept`);
}, 1_200_000);

afterAll(async () => {
  await machine.remove();
  await project.podman("rmi", reference);
  project.remove();
});

const show = "/usr/lib/moving-in/show";
const state = {
  old: `${show} /var/home/ana.before-guaraos | diff - /root/before/home && (cd /var/home/ana.before-guaraos && find . -printf '%i %p\\n' | sort) | diff - /root/before/inodes && echo untouched`,
  new: `${show} /var/home/ana.homedir ${kept} | diff - /root/before/kept && echo equal`,
  entries: "grep -hE '(^|[:,])ana([:,]|$)' /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid /etc/subgid",
  getent: "getent passwd ana | cut -d : -f 1-5",
};
const migrated = { old: "untouched", new: "equal", entries: "[1]", getent: "ana:x:1000:1000:Ana Lürs" };
const back = {
  etc: `${show} /etc | diff - /root/before/etc && echo same`,
  home: `${show} /var/home/ana | diff - /root/before/home && (cd /var/home/ana && find . -printf '%i %p\\n' | sort) | diff - /root/before/inodes && echo untouched`,
  record: "ls /var/lib/systemd/home/ana.identity /var/home/ana.homedir",
  getent: "getent passwd ana",
};
const asBefore = {
  etc: "same",
  home: "untouched",
  record: expect.stringMatching(/No such file[\s\S]*No such file/),
  getent: "ana:x:1000:1000:Ana Lürs,,,:/var/home/ana:/bin/bash",
};
const logIn = (line: string) => `/usr/lib/moving-in/log-in ana ${password} "${line}"`;
/** The person's services end some seconds after the last logout, and then homed closes the home. */
const loggedOut = "until ! pgrep --uid 1000 >/dev/null && ! mountpoint --quiet /home/ana; do sleep 1; done";

test("the old account works, and while somebody is logged in nothing is begun", async () => {
  const now = await machine.look({
    login: logIn("id -un; pwd"),
    refused: migrate,
    plan: `${migrate} --dry-run`,
    untouched: "ls -A /var/lib/guaraos/migrate /var/roothome/migration_backups",
    etc: back.etc,
  });
  expect(now.login).toBe("ana\n/var/home/ana");
  expect(now.refused).toMatch(/ana is logged in: files would change[\s\S]*systemd \(\d+\)[\s\S]*\[1\]$/);
  expect(now.plan).toContain("moves from Bazzite to a home of systemd-homed");
  expect(now.untouched).toContain("No such file");
  expect(now.etc).toBe("same");
});

/** Steps after which PAM, NSS and homed find something half-way. After every step: tests/integration/migrate.test.ts. */
const tried = ["new-home", "pam", "record", "old-home", steps.at(-4)?.id ?? ""];

test("killed after a step, it goes on; at the end all is as if nothing had happened", async () => {
  const ids = steps.map(({ id }) => id).filter((id) => tried.includes(id));
  expect(ids).toHaveLength(tried.length);
  const rounds = await machine.sh(`
    ${loggedOut}
    for step in ${ids.join(" ")}; do
      code=0; DIE_AFTER=$step ${dying} >/root/last 2>&1 || code=$?
      echo "$step $code"
    done
    ${migrate} >/dev/null 2>&1; echo "end $?"`);
  expect(rounds.trim().split("\n")).toEqual([...ids.map((id) => `${id} 137`), "end 0"]);
  expect(await machine.look(state)).toEqual(migrated);
});

test("a second run says that it is done, and changes nothing", async () => {
  const now = await machine.look({
    before: `${show} /etc | sha256sum; ls -la --time-style=full-iso /var/lib/guaraos/migrate/current /var/lib/systemd/home`,
    again: migrate,
    after: `${show} /etc | sha256sum; ls -la --time-style=full-iso /var/lib/guaraos/migrate/current /var/lib/systemd/home`,
    backup:
      "cd /tmp && tar --extract --zstd --xattrs '--xattrs-include=*' --file=$(ls /var/roothome/migration_backups/*.tar.zst) && /usr/lib/moving-in/show /tmp/etc | diff - /root/before/etc && echo whole",
  });
  expect(now.again).toContain("ana: done already");
  expect(now.after).toBe(now.before);
  expect(now.backup).toBe("whole");
});

test("after another boot ana logs in with the same password, to the same files", async () => {
  await machine.restart({ memory: 1536 });
  const now = await machine.look({
    login: logIn(
      "id -un; id -u; pwd; cat .ssh/id_ed25519; touch written; findmnt --noheadings --output=TARGET --target .",
    ),
    groups: "id -Gn ana | tr ' ' '\\n' | sort | tr '\\n' ' '",
    wrong: `/usr/lib/moving-in/log-in ana wrong-horse true`,
    ...state,
    again: `${loggedOut}; ${logIn(`ls written; ${show} . ${kept}`)} >/root/again && sed 1d /root/again | diff /root/before/kept - && head -n 1 /root/again`,
    // what is not the person's: a file of a container, whose range is the number's now
    layer: logIn("stat --format=%u .local/share/containers/storage/overlay/layer"),
    subuid: "cat /etc/subuid",
  });
  expect(now.login).toBe("ana\n1000\n/var/home/ana\nsecret\n/var/home/ana");
  expect(now.groups.split(" ").sort()).toEqual(["ana", "audio", "games", "media", "sudo", "video"]);
  expect(now.wrong).toContain("Permission denied");
  expect(now).toMatchObject(migrated);
  expect(now.again).toBe("written");
  expect(now.layer).toBe("524289");
  expect(now.subuid).toMatch(/^1000:\d+:65536$/m);
});

test("ana installs Flatpaks, root too; guaraos-update brings both up to date", async () => {
  const env = "SLIPWAY_FLATHUB=/srv/flatpak/test.flatpakrepo SLIPWAY_FLATPAK_LIST=";
  const good = logIn(`${env} guara-install-flatpaks --only org.test.Good`);
  const listed = "--columns=application,version,installation";
  const newer = `cd /srv/flatpak; for app in Good Other; do date +%N >>$app/files/data
    flatpak build-export --disable-sandbox repo $app stable; done; chmod -R a+rX repo`;
  await machine.sh(repository);
  // the image ships Flathub's own remote, and there is no network; flatpak takes it from /etc once only, so it stays away
  await machine.sh("flatpak remote-delete --system --force flathub");
  const terminal = await machine.terminal(
    `printf 'org.test.Good\\norg.test.Other\\n' >/root/list; ${env} guara-install-flatpaks --list /root/list`,
  );
  await terminal.see("Which apps are to be installed");
  await terminal.see("org.test.Other");
  terminal.press(keys.down, keys.space, keys.enter);
  await terminal.see("1 app:");
  terminal.press(keys.enter);
  await terminal.see("✓ install 1 app");
  expect(await terminal.end()).toBe(0);
  const now = await machine.look({
    good,
    hers: logIn(`flatpak list --app ${listed}`),
    other: `${env} guara-install-flatpaks --only org.test.Other`,
    current: "guaraos-update --check -f",
    newer: `(${newer}) >/dev/null`,
    stale: "mkdir -p /var/tmp/flatpak-cache-X1Y2Z3/x",
    hersComes: logIn("guaraos-update --check -f"),
    // nobody to type a password for root: her own apps are done all the same, and it ends
    hersDone: logIn("guaraos-update -f"),
    systemComes: logIn("guaraos-update --check -f"),
    done: "guaraos-update -f",
    after: logIn("guaraos-update --check -f"),
    // nothing is left to be root for
    hersAgain: logIn("guaraos-update -f"),
    staleGone: "ls /var/tmp",
    // as `run0 guaraos-update` makes it, while she is logged in
    newerAgain: `(${newer}) >/dev/null`,
    both: `${logIn("until [ -e /tmp/done ]; do sleep 1; done")} & until mountpoint --quiet /home/ana; do sleep 1; done
      SUDO_USER=ana guaraos-update -f; code=$?; SUDO_USER=ana guaraos-update --check -f; touch /tmp/done; wait; rm /tmp/done; exit $code`,
  });
  // lines of both streams, which ssh may bring in any order
  expect(now.good).toMatch(/^org\.test\.Good$/m);
  expect(now.hers).toMatch(/^org\.test\.Good\s+user\norg\.test\.Other\s+system$/);
  expect(now.other).toBe("all of them are installed already");
  for (const said of [now.current, now.after, now.both]) expect(said).toMatch(/^flatpak +current +up to date$/m);
  expect(now.hersComes).toMatch(/^flatpak +available +2 apps: org\.test\.Other org\.test\.Good$/m);
  expect(now.hersDone).toMatch(/^Updating app\/org\.test\.Good\//m);
  expect(now.hersDone).toMatch(/^flatpak +failed +2 of its 3 commands failed$[\s\S]*\[1\]$/m);
  expect(now.systemComes).toMatch(/^flatpak +available +1 app: org\.test\.Other$/m);
  for (const said of [now.done, now.hersAgain, now.both]) expect(said).toMatch(/^flatpak +done +updated$/m);
  expect(now.staleGone).not.toContain("flatpak-cache");
  expect(now.both).toMatch(/^Updating app\/org\.test\.Good\/.*\nUpdating app\/org\.test\.Other\//m);
});

test("a rollback that is killed on its way puts everything back", async () => {
  const rounds = await machine.sh(`
    ${loggedOut}
    for round in 1 2 3 4 5 6; do
      DIE_AT=$((round * 9)) BUN_BE_BUN=1 guara-migrate --preload /usr/lib/moving-in/die-after-step.js \\
        /usr/lib/moving-in/migrate.js --rollback >/root/last 2>&1 && break || true
    done
    [ -e /var/lib/guaraos/migrate/rolled-back-1 ] || guara-migrate --rollback
    ls /var/lib/guaraos/migrate; ls /var/home; cat /var/home/ana.from-guaraos/.ssh/id_ed25519`);
  expect(rounds).toContain("ana.from-guaraos");
  expect(await machine.look(back)).toEqual(asBefore);
  // the file that ana wrote in the new home is not lost
  expect((await machine.guest.ssh(["ls", "/var/home/ana.from-guaraos/written"])).code).toBe(0);
  // /etc is what it was, to the byte, and so is what the next boot would read
  const now = await machine.look({
    login: logIn("pwd; cat .bash_history"),
    nothing: "guara-migrate --rollback",
    etc: back.etc,
  });
  expect(now).toEqual({ login: "/var/home/ana\nold", nothing: "there is no migration to take back", etc: "same" });
});

test("on a terminal in one go; with homed silent nothing is begun", async () => {
  const silent = await machine.look({
    wait: loggedOut,
    silent: `systemctl mask --runtime --now systemd-homed.service; ${migrate}; code=$?; systemctl unmask --runtime systemd-homed.service; systemctl start systemd-homed.service; exit $code`,
    etc: back.etc,
    // the system's Flatpaks lose a file, which `flatpak repair` fetches again
    broken: "find /var/lib/flatpak/repo/objects -name '*.file' | head -n 1 >/root/lost && rm -v $(cat /root/lost)",
  });
  expect(silent.silent).toMatch(/systemd-homed does not answer[\s\S]*\[1\]$/);
  expect(silent.etc).toBe("same");
  expect(silent.broken).toMatch(/^removed .*\.file'$/);

  const terminal = await machine.terminal("guara-migrate");
  await terminal.see("Whose home moves?");
  await terminal.see("bia");
  terminal.press(keys.enter);
  for (const question of ["What comes along?", "Groups of the account", "Shell"]) {
    await terminal.see(question);
    terminal.press(keys.enter);
  }
  await terminal.see("Repair flatpaks");
  terminal.press("y");
  await terminal.see("Type MIGRATE to begin");
  terminal.press("MIGRATE", keys.enter);
  await terminal.see("ana: done; report");
  expect(await terminal.end()).toBe(0);

  const now = await machine.look({
    ...state,
    repaired: "ls $(cat /root/lost)",
    report: "cat /var/lib/guaraos/migrate/current/report.txt",
    secrets: "grep -c 'y[$]j9T' -r /var/lib/guaraos/migrate/current/log",
  });
  expect(now).toMatchObject(migrated);
  expect(now.repaired).toMatch(/^\/var\/lib\/flatpak\/.*\.file$/);
  expect(now.report).toContain("/var/home/ana.before-guaraos");
  expect(now.secrets).toBe("0\n[1]");
});
