//! Files: what is not granted is not there, and what is granted to read is not changed.

use crate::common::*;

#[test]
fn escape_10_bypass_45_86_a_link_to_a_secret() {
    on(EVERY, |world| {
        world.cannot("ln -s /etc/shadow link && cat link && echo went through");
        let secret = world.outside("secret");
        write(&secret, "hidden");
        world.cannot(&format!("ln -s {0} other; cat other {0} && echo went through", secret.display()));
        world.can("echo text > file && ln -s file near && cat near");
    });
}

#[test]
fn escape_11_bypass_96_the_root_folder_of_another_process() {
    on(EVERY, |world| {
        world.cannot("ls /proc/1/root/ && echo went through");
        world.cannot("cat /proc/1/root/etc/shadow && echo went through");
        world.cannot("ls /proc/1/cwd/ && echo went through");
    });
    on(WITH_OWN_ROOT, |world| world.can("ls /proc/self/root/ > /dev/null"));
}

#[test]
fn escape_13_a_hard_link_of_a_file_outside() {
    on(EVERY, |world| {
        world.cannot("ln /usr/bin/env env && echo went through");
        world.can("echo text > one && ln one two");
    });
}

#[test]
fn escape_14_set_user_id() {
    on(EVERY, |world| {
        world.cannot("su -c 'echo went through' < /dev/null");
        world.says("try:\n os.setuid(0)\n print('root')\nexcept OSError:\n print('refused')", "refused");
    });
    // Nor is one left behind for others: outside, its folder is mounted as ever.
    on(EVERY, |world| {
        world.cannot("cp /usr/bin/id id && chmod u+s id && echo went through");
        world.cannot("cp /usr/bin/id id2 && chmod 2755 id2 && echo went through");
        world.says(
            "def tried(way):\n try: way(); return 'went through'\n except OSError as e: return e.errno\n\
             fd = os.open('plain', os.O_CREAT | os.O_WRONLY, 0o755)\n\
             print([tried(way) for way in (lambda: os.open('new', os.O_CREAT | os.O_WRONLY, 0o4755),\
             lambda: os.open('.', os.O_TMPFILE | os.O_WRONLY, 0o4755),\
             lambda: os.fchmod(fd, 0o4755), lambda: os.chmod('plain', 0o6755), lambda: os.mknod('node', 0o104755))],\
             call(452, -100, b'plain', 0o4755, 0), call(437, -100, b'plain', 0, 0) == -errno.ENOSYS)",
            "[1, 1, 1, 1, 1] -1 True",
        );
        world.can("cp /usr/bin/id id3 && chmod 755 id3 && ./id3 > /dev/null && mkdir -m 1777 sticky");
        let mode = |name: &str| {
            std::fs::metadata(world.work.join(name)).map(|found| std::os::unix::fs::MetadataExt::mode(&found))
        };
        for name in ["id", "id2", "id3", "plain"] {
            assert_eq!(mode(name).unwrap() & 0o6000, 0, "{name}");
        }
    });
    // Even a program that belongs to root and is set so gives nothing.
    on(WITH_OWN_ROOT, |world| {
        let planted = world.work.join("planted");
        std::fs::copy("/usr/bin/id", &planted).unwrap();
        std::fs::set_permissions(&planted, std::os::unix::fs::PermissionsExt::from_mode(0o4755)).unwrap();
        let run = world.bash("./planted -u; id -u");
        let lines: Vec<&str> = run.output.lines().collect();
        assert!(lines.len() == 2 && lines[0] == lines[1] && lines[0] != "0", "{run:?}");
    });
}

#[test]
fn escape_15_a_device() {
    on(EVERY, |world| {
        world.cannot("mknod disk b 8 0 && echo went through");
        world.cannot("mknod memory c 1 1 && echo went through");
        world.can("mkfifo pipe && head -c 4 /dev/zero > zeros && echo > /dev/null");
    });
}

#[test]
fn escape_16_bypass_45_system_folders() {
    on(EVERY, |world| {
        for path in
            ["/usr/bin/planted", "/usr/planted", "/etc/planted", "/lib/planted", "/planted", "/dev/planted"]
        {
            world.cannot(&format!("echo x > {path} && echo went through"));
            assert!(!std::path::Path::new(path).exists(), "{path}");
        }
        world.cannot("rm /usr/bin/env && echo went through");
        world.cannot("chmod 777 /usr/bin && echo went through");
        world.can("/usr/bin/env > /dev/null && cat /usr/bin/env > copy && chmod 700 copy");
    });
    on(WITH_OWN_ROOT, |world| world.can("echo x > /tmp/mine && echo x > /dev/shm/mine && echo x > ~/mine"));
}

#[test]
fn escape_17_bypass_69_70_hooks() {
    on(WITH_OWN_ROOT, |world| {
        let hooks = world.work.join(".git/hooks");
        std::fs::create_dir_all(&hooks).unwrap();
        write(&world.work.join(".git/config"), "[core]\n");
        world.spec.keep = vec![hooks.clone(), world.work.join(".git/config")];
        world.cannot("echo x > .git/hooks/pre-commit && echo went through");
        world.cannot("rmdir .git/hooks && echo went through");
        world.cannot("mv .git/hooks .git/other && echo went through");
        // Escape 18: the file itself, and another one in its place.
        world.cannot("echo x >> .git/config && echo went through");
        world.cannot("echo x > new && mv new .git/config && echo went through");
        world.cannot("rm .git/config && echo went through");
        world.can("cat .git/config && ls .git/hooks && echo x > file");
        assert_eq!(std::fs::read_to_string(world.work.join(".git/config")).unwrap(), "[core]\n");
    });
}

/// What is kept is found without following a link that the agent has left there.
#[test]
fn bypass_92_a_link_in_the_place_of_what_is_kept() {
    on(WITH_OWN_ROOT, |world| {
        std::os::unix::fs::symlink("/etc", world.work.join(".git")).unwrap();
        world.spec.keep = vec![world.work.join(".git/config")];
        let (child, control) = world.start(launcher(), &["true"]);
        child.wait_with_output().unwrap();
        let reports = format!("{:?}", control.reports().unwrap());
        assert!(reports.contains("Failed") && reports.contains("PrivateRoot"), "{reports}");
    });
}

#[test]
fn escape_35_control_groups() {
    on(WITH_OWN_ROOT, |world| {
        world.cannot("ls /sys/fs/cgroup && echo went through");
        world.cannot("mount -t cgroup2 none /tmp && echo went through");
    });
}

#[test]
fn escape_36_bypass_85_settings_of_the_kernel() {
    on(EVERY, |world| {
        world.cannot("cat /proc/sys/kernel/core_pattern > copy; cat copy > /proc/sys/kernel/core_pattern && echo went through");
        world.cannot("[ ! -c /proc/sysrq-trigger ] && echo h > /proc/sysrq-trigger && echo went through");
        world.cannot("echo 1 > /proc/sys/vm/drop_caches && echo went through");
    });
}

#[test]
fn escape_44_bypass_93_the_launcher_itself() {
    on(EVERY, |world| {
        world.cannot("cat /proc/1/exe > /dev/null && echo went through");
        world.cannot("exec 9>>/proc/1/exe && echo went through");
    });
}

/// Bypass 86: as root, too, the secrets of the system are not there.
#[test]
fn bypass_86_secrets_of_the_system() {
    on(EVERY, |world| {
        world.cannot("cat /etc/shadow && echo went through");
        world.cannot("ls /root && echo went through");
        world.cannot("cat /var/log/dpkg.log && echo went through");
    });
}
