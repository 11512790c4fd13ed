//! Limits: on each process, on all of them, on what they write.

use crate::common::*;
use stayhand_core::decision::Level;

#[test]
fn escape_01_a_fork_bomb() {
    on(WITH_OWN_ROOT, |world| {
        world.limit(|limits| limits.processes = 40).unwrap();
        let script = "import time\nmade = 0\n\
             try:\n  while made < 500:\n    \
                 if os.fork() == 0: time.sleep(60); os._exit(0)\n    made += 1\n\
             except OSError as error: print(error.errno == errno.EAGAIN, made < 40)";
        world.says(script, "True True");
        world.says("pids = [os.fork() for _ in range(2)]\nif 0 in pids: os._exit(0)\nprint(len(pids))", "2");
    });
}

#[test]
fn escape_02_memory_of_one_process() {
    on(EVERY, |world| {
        world.limit(|limits| limits.memory_bytes = Some(200 << 20)).unwrap();
        let run = world.python("data = bytearray(600 << 20)\nprint('went through')");
        assert!(!run.output.contains("went through"), "{run:?}");
        let run = world.python("data = bytearray(50 << 20)\nprint('went through')");
        assert!(run.output.contains("went through"), "{run:?}");
    });
}

#[test]
fn escape_02_memory_of_all_together() {
    on(&[Level::L3], |world| {
        world.limit(|limits| limits.memory_bytes = Some(200 << 20)).unwrap();
        let run = world.bash(
            "for n in 1 2 3; do python3 -c 'import time; data = bytearray(90 << 20); time.sleep(2); print(\"done\")' & done; wait",
        );
        assert!(run.output.matches("done").count() < 3, "{run:?}");
        let group = world.group.as_ref().unwrap();
        assert!(group.ran_out_of_memory());
        assert!(group.peak_bytes().unwrap() <= 200 << 20);
    });
}

#[test]
fn escape_06_07_bypass_100_folders_of_its_own() {
    on(WITH_OWN_ROOT, |world| {
        world.limit(|limits| (limits.own_bytes, limits.own_files) = (8 << 20, 50)).unwrap();
        for folder in ["/tmp", "/dev/shm", "/var/tmp", "/home/agent"] {
            world.cannot(&format!("head -c 9000000 /dev/zero > {folder}/big && echo went through"));
            // Bubblewrap counts bytes alone.
            if world.who != Who::UserByBubblewrap {
                world.cannot(&format!(
                    "for n in $(seq 60); do : > {folder}/$n || exit 1; done; echo went through"
                ));
            }
            world.can(&format!("head -c 1000000 /dev/zero > {folder}/small"));
        }
    });
}

#[test]
fn escape_08_bypass_100_one_huge_file() {
    on(EVERY, |world| {
        world.limit(|limits| limits.file_bytes = 1 << 20).unwrap();
        world.cannot("head -c 2000000 /dev/zero > big && echo went through");
        world.can("head -c 1000000 /dev/zero > small");
    });
}

#[test]
fn escape_49_a_program_that_spins() {
    on(EVERY, |world| {
        world.limit(|limits| limits.cpu_s = Some(1)).unwrap();
        let run = world.bash("while :; do :; done");
        if world.spec.most > Level::L1 {
            let signal = run.ended.unwrap().signal.unwrap();
            assert!([libc::SIGXCPU, libc::SIGKILL].contains(&signal), "{run:?}");
        }
        world.can("true");
    });
}

/// A share of a processor, kept by the group: so it takes longer.
#[test]
fn a_share_of_a_processor() {
    on(&[Level::L3], |world| {
        let half_a_second = "import time\nfrom_, used = time.time(), time.process_time()\n\
            while time.process_time() - used < 0.5: pass\nprint(time.time() - from_ > 1.5)";
        world.limit(|limits| limits.cpu_percent = Some(20)).unwrap();
        world.says(half_a_second, "True");
    });
}
