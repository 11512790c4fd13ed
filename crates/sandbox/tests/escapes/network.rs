//! The network: there is none but the way back to itself, and no way around that.

use crate::common::*;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

/// Python that says how an attempt ended: the name of the error, or `went through`.
fn attempt(lines: &str) -> String {
    let body: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "try:\n{body}    print('went through')\nexcept OSError as e:\n    print(errno.errorcode[e.errno])"
    )
}

#[test]
fn escape_32_an_abstract_socket() {
    let name = format!("stayhand-test-{}", std::process::id());
    let _listens = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    on(EVERY, |world| {
        let script = attempt(&format!("s = socket.socket(socket.AF_UNIX)\ns.connect('\\0{name}')"));
        let run = world.python(&script);
        assert!(["ECONNREFUSED", "EPERM", "EAFNOSUPPORT"].contains(&run.output.trim()), "{run:?}");
    });
    on(WITH_OWN_ROOT, |world| {
        world.says("s = socket.socket(socket.AF_UNIX)\ns.bind('\\0mine')\ns.listen()\nc = socket.socket(socket.AF_UNIX)\nc.connect('\\0mine')\nprint('went through')", "went through");
    });
}

#[test]
fn escape_33_bypass_65_a_socket_of_the_host() {
    on(EVERY, |world| {
        let path = world.outside("host.sock");
        let _listens = UnixListener::bind(&path).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let script = attempt(&format!("s = socket.socket(socket.AF_UNIX)\ns.connect('{}')", path.display()));
        let run = world.python(&script);
        assert!(["ENOENT", "EAFNOSUPPORT"].contains(&run.output.trim()), "{run:?}");
    });
}

#[test]
fn escape_34_bypass_63_families_of_sockets() {
    on(EVERY, |world| {
        // VSOCK, ALG, PACKET, BLUETOOTH, XDP, and netlink but for interfaces.
        for family in [40, 38, 17, 31, 44] {
            world.says(&format!("print(call(41, {family}, 1, 0))"), "-97");
        }
        for protocol in [2, 9, 12, 15] {
            world.says(&format!("print(call(41, 16, 3, {protocol}))"), "-97");
        }
        world.says("print(len(socket.socketpair()))", "2");
    });
}

#[test]
fn escape_37_38_bypass_57_addresses_outside() {
    on(EVERY, |world| {
        let attempts = [
            "s = socket.socket(socket.AF_INET)\ns.connect(('169.254.169.254', 80))",
            "s = socket.socket(socket.AF_INET)\ns.connect(('192.0.2.1', 443))",
            "s = socket.socket(socket.AF_INET6)\ns.connect(('2001:db8::1', 443))",
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.sendto(b'x', ('192.0.2.1', 53))",
            "s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\ns.sendto(b'x', ('2001:db8::1', 53))",
            "s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\ns.sendto(b'x', ('192.0.2.1', 0))",
        ];
        for lines in attempts {
            let run = world.python(&attempt(lines));
            let refused = ["ENETUNREACH", "EAFNOSUPPORT", "EPERM", "EADDRNOTAVAIL"];
            assert!(refused.contains(&run.output.trim()), "{lines}: {run:?}");
        }
    });
}

/// A server of the host on the loopback interface is not that of the program, which has one of its own.
#[test]
fn services_of_the_host_on_loopback() {
    let listens = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listens.local_addr().unwrap().port();
    on(EVERY, |world| {
        let run = world.python(&attempt(&format!("s = socket.socket()\ns.connect(('127.0.0.1', {port}))")));
        assert!(["ECONNREFUSED", "EAFNOSUPPORT"].contains(&run.output.trim()), "{run:?}");
    });
    on(WITH_OWN_ROOT, |world| {
        world.says("s = socket.create_server(('127.0.0.1', 0))\nc = socket.create_connection(s.getsockname())\nprint('went through')", "went through");
    });
}
