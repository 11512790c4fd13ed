//! System calls that are refused, whatever they are asked. Numbers are those of x86-64.
#![cfg(target_arch = "x86_64")]

use crate::common::*;

/// Every one of these is refused as not permitted.
#[track_caller]
fn refused(calls: &[(&str, i64)]) {
    on(EVERY, |world| {
        let numbers: Vec<String> = calls.iter().map(|(_, number)| number.to_string()).collect();
        let script = format!("print([call(n, 0, 0, 0, 0, 0) for n in [{}]])", numbers.join(", "));
        let expected = format!("[{}]", vec!["-1"; calls.len()].join(", "));
        world.says(&script, &expected);
    });
}

#[test]
fn escape_21_mounts() {
    refused(&[
        ("mount", 165),
        ("umount2", 166),
        ("pivot_root", 155),
        ("chroot", 161),
        ("open_tree", 428),
        ("move_mount", 429),
        ("fsopen", 430),
        ("fsconfig", 431),
        ("fsmount", 432),
        ("fspick", 433),
        ("mount_setattr", 442),
    ]);
}

#[test]
fn escape_22_bypass_88_90_namespaces() {
    on(EVERY, |world| {
        world.says("print(call(272, 0x10000000))", "-1");
        for flag in
            [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]
        {
            world.says(&format!("print(call(56, {flag} | 17, 0, 0, 0, 0))"), "-1");
        }
        // The flags of the newer call stand in memory, where the filter does not see them.
        world.says("print(call(435, 0, 0) == -errno.ENOSYS)", "True");
        world.cannot("unshare -r echo went through");
    });
}

#[test]
fn escape_27_bypass_80_the_kernels_inner_parts() {
    refused(&[
        ("bpf", 321),
        ("perf_event_open", 298),
        ("userfaultfd", 323),
        ("add_key", 248),
        ("request_key", 249),
        ("keyctl", 250),
    ]);
}

#[test]
fn escape_28_the_machine() {
    refused(&[
        ("kexec_load", 246),
        ("kexec_file_load", 320),
        ("init_module", 175),
        ("finit_module", 313),
        ("delete_module", 176),
        ("reboot", 169),
        ("swapon", 167),
        ("swapoff", 168),
        ("acct", 163),
        ("iopl", 172),
        ("ioperm", 173),
        ("settimeofday", 164),
        ("clock_settime", 227),
        ("sethostname", 170),
        ("syslog", 103),
    ]);
}

#[test]
fn escape_29_bypass_64_the_ring_of_calls() {
    refused(&[("io_uring_setup", 425), ("io_uring_enter", 426), ("io_uring_register", 427)]);
}

#[test]
fn escape_30_bypass_94_typing_into_a_terminal() {
    on(WITH_OWN_ROOT, |world| {
        let open = "import fcntl, pty, termios\nmain, other = pty.openpty()\n";
        let typing = "try:\n fcntl.ioctl(other, {request}, b'x')\n print('went through')\nexcept OSError as e: print(errno.errorcode[e.errno])";
        for request in ["termios.TIOCSTI", "0x541C", "termios.TIOCSETD"] {
            world.says(&format!("{open}{}", typing.replace("{request}", request)), "EPERM");
        }
        world.says(&format!("{open}print(len(fcntl.ioctl(other, termios.TIOCGWINSZ, b'12345678')))"), "8");
    });
    on(EVERY, |world| world.cannot("echo x > /dev/tty && echo went through"));
}

#[test]
fn escape_41_bypass_89_the_second_table() {
    on(WITH_OWN_ROOT, |world| {
        let run = world.python("call(0x40000000 | 39)\nprint('went through')");
        assert_eq!(run.ended.unwrap().signal, Some(libc::SIGSYS), "{run:?}");
        world.says("print(call(39) > 0)", "True");
    });
}

#[test]
fn escape_42_bypass_89_calls_in_the_manner_of_another_processor() {
    // mov eax, 20 (getpid); int 0x80; ret
    on(WITH_OWN_ROOT, |world| {
        let run = world.python(
            "import mmap\n\
             page = mmap.mmap(-1, 4096, prot=7)\n\
             page.write(bytes.fromhex('b814000000cd80c3'))\n\
             place = ctypes.addressof(ctypes.c_char.from_buffer(page))\n\
             ctypes.CFUNCTYPE(ctypes.c_int)(place)()\n\
             print('went through')",
        );
        assert_eq!(run.ended.unwrap().signal, Some(libc::SIGSYS), "{run:?}");
    });
}

#[test]
fn escape_43_bypass_96_files_by_handle() {
    refused(&[("name_to_handle_at", 303), ("open_by_handle_at", 304)]);
}

/// With the second filter a call that no ordinary program makes is not there, though this kernel has it; what they all ask
/// for is.
#[test]
fn only_known_calls() {
    on(EVERY, |world| {
        // cachestat, of a file that is not open.
        let asks = "print(call(451, -1, 0, 0, 0))";
        let has_it = world.python(asks).output.trim() != "-38";
        world.spec.known_calls_only = true;
        world.says(asks, "-38");
        if !has_it {
            eprintln!("NOT TOLD APART: this kernel has no cachestat");
        }
        world.says(
            "import threading\nt = threading.Thread(target=print, args=('went through',))\nt.start()\nt.join()",
            "went through",
        );
        world.says(
            "import subprocess\nprint(subprocess.run(['bash', '-c', 'ls / | sort | tail -1; echo x > f; mv f g; cat g'], capture_output=True).stdout.decode().split()[-1])",
            "x",
        );
    });
}
