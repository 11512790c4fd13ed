//! What all containers of a pool have in common, and how it is said to the engine.

use crate::engine::Owner;
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, ResourcesUlimits,
};
use rustix::process::{Resource, getrlimit};
use stayhand_sandbox::Limits;
use std::collections::HashMap;
use std::path::Path;

/// An image, and what a program in it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    /// The image, by a name or a digest that the engine has.
    pub(crate) image: String,
    /// What each program may use.
    pub(crate) limits: Limits,
}

/// What the folder of a program is called inside.
pub(crate) const WORKSPACE: &str = "/workspace";

/// What the machine is called inside.
pub(crate) const HOST_NAME: &str = "sandbox";

/// A period of the processor's time, in microseconds. Source: A214.
pub(crate) const CPU_PERIOD: i64 = 100_000;

/// Who a program is where this process is user 0: nobody.
const NOBODY: (u32, u32) = (65534, 65534);

/// The most processes of one user that are asked for. The limit of the container is the one that counts.
const MOST_PROCESSES: u64 = 32_768;

/// Who programs are, inside and outside: never user 0.
pub(crate) fn user() -> (u32, u32) {
    let user = rustix::process::getuid();
    if user.is_root() { NOBODY } else { (user.as_raw(), rustix::process::getgid().as_raw()) }
}

/// A number of bytes or of things, as the interface wants it.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A container for this program. `image` is a digest. `folder` is its own; `keep` names files in it that it may not
/// change.
pub(crate) fn container(
    (profile, image): (&Profile, &str),
    argv: &[String],
    folder: &Path,
    keep: &[String],
) -> ContainerCreateBody {
    let (user, group) = user();
    ContainerCreateBody {
        image: Some(image.to_owned()),
        // In the place of whatever the image would start first: some engines take none for the image's own.
        entrypoint: Some(argv.iter().take(1).cloned().collect()),
        cmd: Some(argv.iter().skip(1).cloned().collect()),
        env: Some(environment()),
        working_dir: Some(WORKSPACE.to_owned()),
        user: Some(format!("{user}:{group}")),
        hostname: Some(HOST_NAME.to_owned()),
        network_disabled: Some(true),
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        attach_stdin: Some(false),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(false),
        tty: Some(false),
        labels: Some(HashMap::from([(Owner::LABEL.to_owned(), Owner::this())])),
        host_config: Some(boundary(&profile.limits, folder, keep)),
        ..ContainerCreateBody::default()
    }
}

fn environment() -> Vec<String> {
    ["HOME=/tmp", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"].map(str::to_owned).into()
}

/// Sources: S-01 and A214.
fn boundary(limits: &Limits, folder: &Path, keep: &[String]) -> HostConfig {
    let memory = limits.memory_bytes.map(number);
    let own = limits.own_bytes;
    let limit = |name: &str, most: u64| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(number(most)),
        hard: Some(number(most)),
    };
    let possible =
        |wanted: u64, resource| getrlimit(resource).maximum.map_or(wanted, |most| most.min(wanted));
    HostConfig {
        network_mode: Some("none".to_owned()),
        ipc_mode: Some("private".to_owned()),
        readonly_rootfs: Some(true),
        privileged: Some(false),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        memory,
        memory_swap: memory,
        cpu_period: limits.cpu_percent.map(|_| CPU_PERIOD),
        cpu_quota: limits.cpu_percent.map(|percent| number(percent).saturating_mul(CPU_PERIOD / 100)),
        pids_limit: Some(number(limits.processes)),
        ulimits: Some(vec![
            limit("nofile", possible(limits.open_files, Resource::Nofile)),
            limit("nproc", possible(MOST_PROCESSES, Resource::Nproc)),
            limit("fsize", limits.file_bytes),
            limit("core", 0),
        ]),
        shm_size: Some(number(own)),
        // Podman has the last two in any case, and without a size.
        tmpfs: Some(HashMap::from([
            ("/tmp".to_owned(), format!("rw,nosuid,nodev,mode=1777,size={own}")),
            ("/run".to_owned(), "rw,nosuid,nodev,mode=0755,size=1m".to_owned()),
            ("/var/tmp".to_owned(), format!("rw,nosuid,nodev,mode=1777,size={own}")),
        ])),
        init: Some(false),
        mounts: Some(mounts(folder, keep)),
        // What a program says comes here and nowhere else: the engine would keep all of it on its disk.
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        auto_remove: Some(false),
        ..HostConfig::default()
    }
}

fn mounts(folder: &Path, keep: &[String]) -> Vec<Mount> {
    let mount = |name: Option<&String>| Mount {
        typ: Some(MountType::BIND),
        source: Some(name.map_or(folder.to_owned(), |name| folder.join(name)).display().to_string()),
        target: Some(name.map_or(WORKSPACE.to_owned(), |name| format!("{WORKSPACE}/{name}"))),
        read_only: Some(name.is_some()),
        ..Mount::default()
    };
    std::iter::once(mount(None)).chain(keep.iter().map(|name| mount(Some(name)))).collect()
}
